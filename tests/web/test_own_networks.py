"""XGBoost in several ranks: where nobody else reaches them, or where the owner allows it."""

from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.web import lab_stage, table_stage
from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.compute.requests import BadCompute
from trackside.compute.services import LOST_AFTER
from trackside.jobs import services as jobs
from trackside.jobs.kinds import own, placed, shared
from trackside.jobs.models import Attempt, Job
from trackside.jobs.passes import look
from trackside.lab import services as lab
from trackside.projects.models import Project

pytestmark = pytest.mark.django_db
SPEC = {"task": "two_class", "algorithm": "xgboost"}
DEEP = {"task": "two_class", "algorithm": "deep_mlp"}
RANKS = {"kind": "cpu", "ranks": 2}
ANY = {"kind": "any", "count": 2}
NO = "Operation not permitted"


def node(name: str, why: str | None = "", **more: Any) -> Node:
    """One that has told `why` not; "": it does give them a network; None: it is older than that."""
    made = lab_stage.node(name, gpus=2, simulated=True, **more)
    made.catalogue = {**lab_stage.CATALOGUE, "why_no_own_network": why}
    if why is None:
        del made.catalogue["why_no_own_network"]
    made.save()
    return made


def silent(name: str) -> Node:
    made = node(name)
    made.catalogue = {}
    made.save()
    return made


def gpus(*names: str) -> dict[str, Any]:
    return {"kind": "gpus", "uuids": [f"GPU-{name}-{n}" for name in names for n in (0, 1)]}


def queued(project: Project, user: User, compute: dict[str, Any]) -> Job:
    return jobs.submit(
        project=project, user=user, kind="train", title="t", spec=SPEC, compute=compute
    )


@pytest.mark.parametrize("wish", [RANKS, gpus("a"), ANY], ids=["ranks", "gpus", "any"])
def test_one_machine_that_closes_their_network_is_enough(wish: dict[str, Any]) -> None:
    node("a")
    node("b", NO)
    assert placed(SPEC, wish) == wish


@pytest.mark.parametrize("wish", [RANKS, gpus("a"), ANY], ids=["ranks", "gpus", "any"])
def test_where_none_does_the_sentence_says_what_would_be_right(
    wish: dict[str, Any], settings: Any
) -> None:
    node("a", NO)
    with pytest.raises(BadCompute) as refused:
        placed(SPEC, wish)
    assert refused.value.sentence == (
        "XGBoost: several ranks would listen on all addresses: a gives them no network of "
        "their own (Operation not permitted). So choose one GPU or one rank, or set "
        "TRACKSIDE_XGBOOST_RANKS=1 where their network is trusted (README)."
    )
    settings.TRACKSIDE_XGBOOST_RANKS = True
    assert placed(SPEC, wish) == wish


@pytest.mark.parametrize("wish", [RANKS, gpus("a"), ANY], ids=["ranks", "gpus", "any"])
def test_what_no_network_helps_is_not_said_to_need_one(wish: dict[str, Any]) -> None:
    node("a", NO)
    with pytest.raises(BadCompute) as refused:
        placed({**SPEC, "params": {"tree_method": "exact"}}, wish)
    assert "XGBoost with 'tree_method': 'exact'" in refused.value.sentence
    assert "XGBOOST_RANKS" not in refused.value.sentence


@pytest.mark.parametrize("wish", [RANKS, ANY], ids=["ranks", "any"])
def test_a_machine_that_is_lost_closes_nothing(wish: dict[str, Any]) -> None:
    gone = node("a")
    gone.heartbeat_at = timezone.now() - LOST_AFTER * 2
    gone.save()
    assert placed(SPEC, wish) == wish, "where none is there, it may come back"
    node("b", NO)
    with pytest.raises(BadCompute, match="b gives them no network of their own"):
        placed(SPEC, wish)
    assert placed(SPEC, gpus(gone.name)) == gpus(gone.name), "who chose it waits for it"


@pytest.mark.parametrize("uuids", [5, True, "GPU-a-0", {"GPU-a-0": 1}, [["GPU-a-0"]], None])
def test_a_wish_of_any_shape_gets_a_sentence(project: Project, ada: User, uuids: Any) -> None:
    node("a", NO)
    with pytest.raises(BadCompute):
        queued(project, ada, {"kind": "gpus", "uuids": uuids})


def test_the_dialog_asks_the_nodes_once_however_many_models_there_are(
    project: Project, ada: User, as_ada: Client
) -> None:
    node("a")
    table = pa.table({"a": list(range(60)), "good": ["y", "n"] * 30})
    data = table_stage.uploaded(project, ada, "rows", table)
    made = lab.create_analysis(project, ada, "t", data, "good")
    models = [{"algorithm": "xgboost", "params": {"rounds": n}} for n in (10, 20, 30, 40)]
    lab.save_design(made, "models", models)

    def asked(number: int) -> int:
        wish = {"mode": "cpu", "ranks": "2", "model": list(map(str, range(number)))}
        with CaptureQueriesContext(connection) as queries:
            said = as_ada.post("/p/INSECTS/lab/t/train/plan/", wish).content.decode()
        assert "on the CPU" in said
        return sum("why_no_own_network" in one["sql"] for one in queries.captured_queries)

    assert asked(1) == asked(4) <= 3


def test_one_gpu_or_rank_needs_no_network_of_its_own() -> None:
    node("a", NO)
    for wish in ({"kind": "cpu", "ranks": 1}, {"kind": "gpus", "uuids": ["GPU-a-0"]}):
        assert placed(SPEC, wish) == wish


def test_an_agent_of_before_is_taken_for_one_that_leaves_them_open() -> None:
    node("a", None)
    with pytest.raises(BadCompute, match="agent is that of an earlier Trackside"):
        placed(SPEC, gpus("a"))


@pytest.mark.parametrize(
    "wish", [gpus("a", "b"), {**ANY, "count": 3, "nodes": 2}], ids=["gpus", "any"]
)
def test_several_machines_always_need_the_owners_word(wish: dict[str, Any], settings: Any) -> None:
    node("a")
    node("b")
    with pytest.raises(BadCompute, match=r"choose GPUs of one machine, or set .*_RANKS=1 where"):
        placed(SPEC, wish)
    assert placed(DEEP, wish) == wish
    settings.TRACKSIDE_XGBOOST_RANKS = True
    assert placed(SPEC, wish) == wish


def test_of_a_click_of_several_models_it_takes_one_gpu_there() -> None:
    node("a")
    node("b")
    wish = gpus("a", "b")
    assert shared([SPEC, DEEP], wish) == wish
    assert (own(DEEP, wish), own(SPEC, wish)["uuids"]) == (wish, ["GPU-a-0"])
    assert own(SPEC, gpus("a")) == gpus("a")


def test_a_job_waits_for_the_word_of_a_machine_that_has_not_told_yet(
    project: Project, ada: User
) -> None:
    one = silent("a")
    job = queued(project, ada, ANY)
    job.refresh_from_db()
    assert job.reason == (
        "Waits for a machine known to give its ranks a closed network: none is online."
    )
    chosen = queued(project, ada, gpus("a"))
    chosen.refresh_from_db()
    assert "a is not known to give its ranks a closed network" in chosen.reason
    alone = queued(project, ada, {"kind": "cpu", "ranks": 1})
    assert Attempt.objects.get().job_id == alone.pk
    one.catalogue = lab_stage.CATALOGUE
    one.save()
    look(timezone.now())
    assert Attempt.objects.filter(job__in=(job, chosen)).count() == 1


def test_a_job_goes_where_its_network_is_closed(project: Project, ada: User) -> None:
    node("a", NO)
    node("b")
    assert Attempt.objects.get(job=queued(project, ada, ANY)).node.name == "b"


@pytest.mark.parametrize("allowed", [True, False])
def test_the_owners_word_goes_with_the_attempt(
    project: Project, ada: User, settings: Any, allowed: bool
) -> None:
    settings.TRACKSIDE_XGBOOST_RANKS = allowed
    node("a")
    compute = Attempt.objects.get(job=queued(project, ada, gpus("a"))).compute
    assert compute.get("open") is (True if allowed else None)
