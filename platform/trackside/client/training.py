"""Training in one call, as PostgresML's users know it."""

import re
from typing import Any

from trackside.client.client import Client, Json, TracksideError, address

SEARCH_ARGS = {"n_iter": "trials", "n_trials": "trials", "cv": "folds"}  # as others call them
DEVICE = re.compile(r"(cpu|cuda|gpu)(:\d+)?", re.IGNORECASE)


def train(  # noqa: PLR0913 - what PostgresML's train takes
    project: str,
    relation: str,
    y_column_name: str = "label",
    algorithm: str | None = None,
    hyperparams: Json | None = None,
    *,
    search: str | None = None,
    search_params: Json | None = None,
    search_args: Json | None = None,
    sample: int | None = None,
    sampling: str = "",
    strategy: str = "",
    client: Client | None = None,
    wait: bool = True,
) -> Json:
    """Train on a dataset and answer `{"project","task","algorithm","model","metrics","session"}`.

    `project` is a key or a name and is made when it is not there; `relation` is a dataset of it.
    `hyperparams` may name any setting of the algorithm, its training or the augmentation; `device`
    says where to run: cpu, cuda. `search` finds the best settings of a table's model by trying
    them: random, grid or tpe; none trains it as it is, None as the analysis says. `search_params`
    maps settings to the values to try, or to {"low", "high", "log"}; without it the algorithm's own
    are tried. `search_args`: n_iter (trials), cv (folds), minutes. `sample` rows of the table are
    learned from and judged by: random, stratified or balanced (both by class), first or latest
    ones, as `sampling` says; sampling="all" are all. With a `strategy` (most_recent, best_score)
    the best model of this training becomes a version of the saved model "relation y_column_name",
    and the version that the strategy finds the active one; the training recipe follows only where
    that is this one. The answer then has `saved_model`, as `deploy` answers it. `notes` of the
    answer say what became of settings under the names of other tools, and what the design page
    warns of, such as a column that is the target itself.
    What does not fit raises the server's own sentence.
    """
    if strategy and not wait:
        raise ValueError("Only a model that is trained can be deployed: leave out wait=False.")
    hyperparams = dict(hyperparams or {})
    wishes, notes = placed(hyperparams.get("device"))
    one = client or Client()
    try:
        key = _project(one, project)
        path, name = address("projects", key, "analyses"), _name(relation, y_column_name)
        design = _design(one, path, name, relation, y_column_name)
        change = arranged(design, algorithm, hyperparams)
        change = searched(design, change, search, search_params, search_args)
        if chosen := sampled(sample, sampling):
            change["split"] = chosen
        if change:
            design = one.call("PATCH", f"{path}{address(name)}", json=change)
        begun = one.train_analysis(key, name, **wishes)
        answer = {"project": key, "analysis": name, "task": design["task"], **begun}
        answer["notes"] = [*notes, *remarks(begun)]
        if wait:
            answer |= _best(one, key, name, begun)
        if strategy:
            deployed = one.deploy(key, answer["model"], name, strategy=strategy)
            answer["saved_model"] = deployed["saved_model"]
        return answer
    finally:
        if client is None:
            one.close()


def deploy(
    project: str,
    relation: str,
    y_column_name: str = "label",
    strategy: str = "best_score",
    *,
    client: Client | None = None,
) -> Json:
    """Make another version of what `train` deployed the active one; answers the saved model.

    `strategy`: most_recent, best_score, or rollback, which is the one that was active before.
    """
    one = client or Client()
    try:
        key = _known(one, project) or project
        return one.activate(key, _name(relation, y_column_name), strategy=strategy)
    finally:
        if client is None:
            one.close()


def _name(relation: str, target: str) -> str:
    """Of the analysis, and of the saved model."""
    return f"{relation} {target}"[:80]


def _best(one: Client, key: str, name: str, begun: Json) -> Json:
    """The best model of a session, once all its jobs are over."""
    for job in begun["jobs"]:
        one.finished(job)
    best = one.session(key, name, begun["session"])["models"][0]
    return {"algorithm": best["algorithm"], "model": best["id"], "metrics": best["metrics"]}


def _known(one: Client, project: str) -> str:
    """The key of the project with this key or name, "" where there is none."""
    known = one.projects()
    for field in ("key", "name"):
        for row in known:
            if row[field] == project:
                return str(row["key"])
    return ""


def _project(one: Client, project: str) -> str:
    """The key of the project with this key or name; a new one is made."""
    if key := _known(one, project):
        return key
    key = re.sub(r"[^A-Z0-9]+", "_", project.upper()).strip("_")[:40] or "PROJECT"
    return str(one.create_project(key, project)["key"])


def _design(one: Client, path: str, name: str, relation: str, target: str) -> Json:
    try:
        return one.call("GET", f"{path}{address(name)}")
    except TracksideError as absent:
        if absent.status != 404:
            raise
    return one.call("POST", path, json={"name": name, "dataset": relation, "target": target})


def placed(device: Any) -> tuple[Json, list[str]]:
    """What a training is told of the `device` of its settings, and a note on it."""
    if not device:
        return {}, []
    found = DEVICE.fullmatch(str(device).strip())
    if found is None:
        raise ValueError(f"'device' is cpu, cuda or a numbered one such as cuda:0, not {device!r}.")
    if found[1].lower() == "cpu":
        return {"compute": {"kind": "cpu"}}, [f"'device: {device}': it learns on the CPU."]
    said = f"'device: {device}': one GPU is asked for, and the platform chooses which"
    number = f"; {found[2][1:]} is not looked at" if found[2] else ""
    return {"compute": {"kind": "any", "count": 1}}, [f"{said}{number}."]


def remarks(begun: Json) -> list[str]:
    """What a training that has begun tells: what became of its settings, and warnings."""
    warned = [one for one in begun["findings"] if one["level"] == "wn"]
    return [*begun["notes"], *(f"{one['title']}. {one['text']}" for one in warned)]


def arranged(design: Json, algorithm: str | None, hyperparams: Json) -> Json:
    """The change of the design that says all of the settings but the device.

    A setting goes where the design has it; one that is nowhere goes to the model's params, where
    the server says what there is.
    """
    values = {name: value for name, value in hyperparams.items() if name != "device"}
    parts: dict[str, Any] = {}
    for name, value in values.items():
        part = next(
            (p for p in ("training", "augmentation") if name in design.get(p, {})), "params"
        )
        parts.setdefault(part, {})[name] = value
    params = parts.pop("params", {})
    first = (design.get("models") or [{}])[0]
    if algorithm and algorithm != first.get("algorithm"):
        parts["models"] = [{"algorithm": algorithm, "params": params}]
    elif params:
        kept = {**first.get("params", {}), **params}
        stays = {"device": first["device"]} if first.get("device") else {}
        parts["models"] = [{"algorithm": first.get("algorithm"), "params": kept, **stays}]
    return parts


def searched(
    design: Json, change: Json, search: str | None, params: Json | None, args: Json | None
) -> Json:
    """The change of the design with what it says of the search; None leaves that as it is."""
    if search is None:
        if params or args:
            raise ValueError("Name the search: random, grid or tpe.")
        return change
    wish = {SEARCH_ARGS.get(name, name): value for name, value in (args or {}).items()}
    made = {**change, "search": {**wish, "strategy": search}}
    if search == "none":
        return made
    first: Json = (made.get("models") or design.get("models") or [{}])[0]
    space = {name: _tried(value) for name, value in (params or {}).items()}
    model = {name: value for name, value in first.items() if name not in ("space", "searched")}
    return {**made, "models": [{**model, "space": space}]}


def sampled(rows: int | None, how: str = "") -> Json:
    """The change of a split that says how many rows are learned from; {} leaves it as it is."""
    told = {} if rows is None else {"sample_rows": rows, "sampling": how or "random"}
    return {**told, **({"sampling": how} if how else {})}


def _tried(value: Any) -> Json:
    """Values as a list, or what a search draws from."""
    if isinstance(value, dict):
        return value
    return {"values": list(value) if isinstance(value, list | tuple | range) else [value]}
