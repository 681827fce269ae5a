"""What the cards say about a kind of job."""

from typing import Any, NamedTuple

from django.conf import settings

from recipes.algorithms import ALGORITHMS
from recipes.algorithms.algorithm import Algorithm
from recipes.extras import called, nowhere
from recipes.kinds import KINDS
from recipes.scorers import OWN
from recipes.tasks import data_of
from trackside.compute import able, networks
from trackside.compute.models import Gpu
from trackside.compute.requests import BadCompute
from trackside.jobs import engines
from trackside.ui.words import listed

TRUSTED = "set TRACKSIDE_XGBOOST_RANKS=1 where their network is trusted (README)"


def known(kind: str) -> bool:
    return kind in KINDS


def takes_quick_slot(kind: str) -> bool:
    """Short jobs that a page waits for, and those without torch, never wait for CPU cores."""
    card = KINDS[kind]
    return card.quick or not card.torch


def spreads(algorithm: str, params: Any = None, compute: dict[str, Any] | None = None) -> bool:
    """Whether several ranks may learn one model of a table with it, with these params, and where
    this wish goes; without one: anywhere."""
    card = ALGORITHMS.get(algorithm)
    if card is None or not card.spreads or _closed_to(card, compute or {}):
        return False
    return not _alone(card, params)


def _alone(card: Algorithm, params: Any) -> bool:
    """Whether it learns in one process with these params."""
    return card.alone is not None and (params or {}).get(card.alone[0]) == card.alone[1]


def _closed_to(card: Algorithm, compute: dict[str, Any]) -> str:
    """Why several ranks of it may not learn there, part of a sentence; "" where they may.

    XGBoost's listen on all addresses that they have: of a network of their own, or their owner
    has to allow it. Those of others speak by PyTorch alone, where the owner says.
    """
    free = not card.listens or settings.TRACKSIDE_XGBOOST_RANKS
    return "" if free else networks.refusal(compute)


def card_of(spec: dict[str, Any]) -> Algorithm | None:
    """The algorithm that a spec names, as far as it is known."""
    return ALGORITHMS.get(spec.get("algorithm", ""))


def placed(spec: dict[str, Any], compute: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """The wish with what a table decides: on what the spec's algorithm can use, and how many.

    `kind` is that of the job, as far as it matters: a scoring is shared by any number of ranks.
    Raises BadCompute.
    """
    if data_of(spec.get("task")) != "table":
        return compute
    card = card_of(spec)
    learns = "bundle" not in spec
    several = kind == "score" or (learns and _spreads(spec, compute))
    compute = _numbered(compute, several, _lone(spec, compute) if learns else Lone("A table"))
    if compute.get("kind", "cpu") == "cpu":
        if card is not None and not learns:
            engines.must_score(engine_of(spec), card, on_gpu=False)
        return compute
    if card is not None and learns:
        _on_gpu(card, compute, spec["task"])
        _with(card, spec.get("params") or {})
    elif card is not None:
        engines.must_score(engine_of(spec), card, on_gpu=True)
        _there(unable(card.name, on_gpu=True, engine=engine_of(spec)), compute)
    return compute


def shared(specs: list[dict[str, Any]], compute: dict[str, Any]) -> dict[str, Any]:
    """The wish of a click that trains all of `specs`, each on what it can use of it: `own`.

    Raises BadCompute where several ranks or GPUs are chosen and none of them can use these.
    """
    if not specs or data_of(specs[0]["task"]) != "table":
        return compute
    several = any(_spreads(one, compute) for one in specs)
    return _numbered(compute, several, _lone(specs[0], compute))


def own(spec: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
    """Of such a wish what one training takes: one rank, or the first GPU, where it is alone."""
    if data_of(spec["task"]) != "table" or _spreads(spec, compute):
        return compute
    if compute.get("kind", "cpu") == "cpu":
        return {**compute, "ranks": 1}
    if compute["kind"] == "gpus":
        return {**compute, "uuids": list(compute.get("uuids") or [])[:1]}
    return {**{name: value for name, value in compute.items() if name != "nodes"}, "count": 1}


def one_process(kind: str, spec: dict[str, Any]) -> bool:
    """Whether there is nothing to choose about the ranks of such a job."""
    if data_of(spec.get("task")) != "table" or kind == "score":
        return False
    return kind != "train" or not _spreads(spec, {})


def _spreads(spec: dict[str, Any], compute: dict[str, Any]) -> bool:
    return spreads(spec.get("algorithm", ""), spec.get("params"), compute)


class Lone(NamedTuple):
    """Who learns in one process: what would make several possible, or why they are refused."""

    who: str
    way: str = ""
    why: str = ""


def _numbered(compute: dict[str, Any], several: bool, lone: Lone) -> dict[str, Any]:
    """One CPU rank where nothing is said; `lone`: who has no use for `several`."""
    if compute.get("kind", "cpu") == "cpu":
        ranks = compute.get("ranks")
        if ranks not in (None, 1) and not several:
            said = f"{lone.who} has one process with all the job's cores: 'ranks' is 1.{lone.way}"
            raise BadCompute("compute.ranks", lone.why or said, "ranks_too_many")
        return {**compute, "kind": "cpu", "ranks": 1 if ranks is None else ranks}
    uuids = compute.get("uuids")
    more = (isinstance(uuids, list) and len(uuids) > 1) or compute.get("count") not in (None, 1)
    if more and not several:
        said = f"{lone.who} runs on one GPU, or on the CPU: choose one.{lone.way}"
        raise BadCompute("compute", lone.why or said, "gpu_count")
    return compute


def engine_of(spec: dict[str, Any]) -> str:
    """What predicts, of the spec of what uses a model."""
    return str(spec.get("engine") or OWN)


def asked(algorithm: str, params: Any) -> str:
    """The library that learning with these params needs beside the algorithm's own, if any."""
    card = ALGORITHMS.get(algorithm)
    return card.asked(params) if card and isinstance(params, dict) else ""


def unable(algorithm: str, *, on_gpu: bool, engine: str = "", asked: str = "") -> dict[int, str]:
    """By node why it cannot run a job of this algorithm; `engine`: what predicts, "" trains it;
    `asked`: a library that its params need."""
    card = ALGORITHMS.get(algorithm)
    if card is None:
        return {}
    if not engine:
        return able.unable(card, on_gpu=on_gpu, asked=asked)
    needed = engines.needed(engine, card, on_gpu=on_gpu)
    without = able.without(needed, on_gpu=on_gpu)
    there = on_gpu and card.scores_on_gpu
    return {**without, **able.unable(card, on_gpu=there, learns=False)}


def exposed(algorithm: str) -> set[int]:
    """The nodes on which others would reach several ranks that learn with it, unless allowed."""
    card = ALGORITHMS.get(algorithm)
    apart = card is not None and card.listens and not settings.TRACKSIDE_XGBOOST_RANKS
    return networks.lacking() if apart else set()


def _on_gpu(card: Algorithm, compute: dict[str, Any], task: str) -> None:
    if alone := cpu_alone(card, task):
        raise BadCompute("compute.kind", f"{alone} Choose the CPU, or leave it out.", "cpu_only")
    if card.gpu_build and not able.learns_on_gpu(card):
        said = f"No machine's {card.label} is built for GPUs: {able.BUILD}. Choose the CPU."
        raise BadCompute("compute.kind", said, "gpu_build")
    if card.gpu_library and not able.learns_on_gpu(card):
        said = f"On a GPU {card.label} learns by {called(card.gpu_library)}. "
        said += f"{nowhere(card.gpu_library)} Or choose the CPU."
        raise BadCompute("compute.kind", said, "gpu_build")
    _there(able.unable(card, on_gpu=True), compute)


def cpu_alone(card: Algorithm, task: str) -> str:
    """Why no GPU learns a model of this task by it, a sentence; "" where one may."""
    if card.gpu_tasks and task not in card.gpu_tasks:
        return f"{card.label} of several classes learns on the CPU alone."
    return f"{card.label} learns on the CPU alone: {card.no_gpu}." if card.no_gpu else ""


def _with(card: Algorithm, params: dict[str, Any]) -> None:
    """Raises BadCompute where these params learn on the CPU alone."""
    name, known = card.gpu_with or ("", ())
    if name in params and params[name] not in known:
        label = next(one.label for one in card.params.fields if one.name == name)
        said = f"{card.label} with {label} {params[name]!r} learns on the CPU alone: choose it, or "
        said += f"one of {', '.join(map(repr, known))}."
        raise BadCompute("compute.kind", said, "cpu_only")


def _there(cannot: dict[int, str], compute: dict[str, Any]) -> None:
    """Raises BadCompute where a machine of these very GPUs is among those that cannot."""
    uuids = compute.get("uuids")
    chosen = [one for one in uuids if isinstance(one, str)] if isinstance(uuids, list) else []
    nodes = Gpu.objects.filter(pk__in=chosen).values_list("node_id", flat=True)
    why = next((cannot[node] for node in nodes if node in cannot), "")
    if why:
        said = f"{why}. Choose another GPU, or the CPU."
        raise BadCompute("compute.uuids", said, "gpu_build")


def _lone(spec: dict[str, Any], compute: dict[str, Any]) -> Lone:
    """Of this spec, on what is wished for."""
    card = card_of(spec)
    if card is None:
        return Lone("A table")
    if card.spreads and card.alone is not None and _alone(card, spec.get("params")):
        return Lone("{} with {!r}: {!r}".format(card.label, *card.alone))
    if card.spreads and (why := _closed_to(card, compute)):
        way = (
            "choose GPUs of one machine"
            if why == networks.SEVERAL
            else "choose one GPU or one rank"
        )
        return Lone(card.label, why=f"{card.label}: {why}. So {way}, or {TRUSTED}.")
    able_to = (one for one in ALGORITHMS.values() if one.spreads and not _closed_to(one, {}))
    several = [one.label for one in able_to]
    return Lone(card.label, f" Of the algorithms for tables {listed(several)} can use several.")
