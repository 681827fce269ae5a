"""XGBoost in several ranks: where nobody else reaches them, or where the owner allows it."""

from typing import Any

import pytest
from django.utils import timezone

from tests.web import lab_stage
from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.compute.requests import BadCompute
from trackside.jobs import services as jobs
from trackside.jobs.kinds import own, placed, shared
from trackside.jobs.models import Attempt, Job
from trackside.jobs.passes import look
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
        "XGBoost: several ranks would listen on all addresses: a gives them no own network "
        "(Operation not permitted). So choose one GPU or rank, or where their network is trusted "
        "set TRACKSIDE_XGBOOST_RANKS=1 (README)."
    )
    settings.TRACKSIDE_XGBOOST_RANKS = True
    assert placed(SPEC, wish) == wish


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
    with pytest.raises(BadCompute, match=r"choose GPUs of one machine, or where .*_RANKS=1"):
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
