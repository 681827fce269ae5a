"""The metrics dataset of evaluation recipes: a store's history as a table, which no run loses."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from recipes.job import Compute, Job, write
from recipes.kinds import KINDS
from tests.recipes.making import events
from tests.web import cast
from tests.web.test_client import Through
from tests.web.world import Rest, attempt, done, photos, trained
from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.client import Client as TracksideClient
from trackside.client import TracksideError
from trackside.client import command as commands
from trackside.compute import room
from trackside.datasets import replacing, storage, tables
from trackside.datasets.models import Dataset
from trackside.datasets.trouble import Refused
from trackside.flow import queries, services
from trackside.flow.models import Recipe
from trackside.jobs import services as jobs
from trackside.jobs.models import Job as JobRow
from trackside.projects.models import Project
from trackside.saved_models.models import Evaluation, SavedModel
from workers.outcomes import PUBLISH

Publishing = Any  # of pytest-django: runs what hangs on a commit


@pytest.fixture
def saved(project: Project, ada: User) -> SavedModel:
    return services.deploy(trained(project, ada), "sorter", ada)


def evaluation(saved: SavedModel, user: User, name: str = "judge", **more: str) -> Recipe:
    wish = services.Wish(
        name=name, kind="evaluate", dataset=Dataset.objects.get(name="photos"), saved_model=saved,
        **{"store": "history", "metrics": "figures", **more},
    )  # fmt: skip
    return services.create_recipe(saved.project, user, wish)


def evaluated(recipe: Recipe, user: User, score: float) -> JobRow:
    """A run of the recipe, as its job would end."""
    job = services.run_recipe(recipe, user)
    told = {
        "metric": "accuracy", "metrics": {"accuracy": score}, "judged": 3, "of": 4,
        "facts": {"threshold": 0.25},
        "drift": {"moved_count": 2, "strong_count": 1, "classifier": {"auc": 0.75}},
    }  # fmt: skip
    PUBLISH["evaluate"](job, attempt(job), told)
    JobRow.objects.filter(pk=job.pk).update(result=told)
    done(job)
    return job


def imported(job: JobRow) -> dict[str, Any]:
    """The import of the rows runs as it is and is published; what it found."""
    one = attempt(job)
    folder = Path(settings.TRACKSIDE_STORAGE) / one.folder
    write(folder, Job(job=job.pk, kind="import", spec=job.spec, compute=Compute()))
    KINDS["import"].run(Job(job=job.pk, kind="import", spec=job.spec), folder, None)
    (result,) = events(folder, "finished")
    PUBLISH["import"](job, one, result)
    done(job)
    return dict(result["facts"])


def figures() -> Dataset:
    return Dataset.objects.select_related("job").get(name="figures")


def waiting() -> JobRow:
    job = figures().job
    assert job is not None
    return job


def rows() -> list[dict[str, Any]]:
    found = tables.table(figures())
    return [dict(zip(found.names, line, strict=True)) for line in found.lines()]


def test_each_run_adds_a_row_to_a_table_like_any_other(
    saved: SavedModel, project: Project, ada: User, as_ben: Client
) -> None:
    recipe = evaluation(saved, ada)
    assert queries.snapshot(recipe)["metrics"] == "figures"
    assert figures().state == "planned"
    assert ("recipe:judge", "dataset:figures") in queries.flow_of(project).edges
    for score in (0.75, 0.5):
        job = evaluated(recipe, ada, score)
        imported(waiting())
    assert (figures().state, figures().rows, figures().facts["problems"]) == ("ready", 2, 0)
    assert [one["accuracy"] for one in rows()] == [0.75, 0.5]
    last = rows()[1]
    expected = {
        "number": 2, "dataset": "photos", "recipe": "judge", "saved_model": "sorter", "version": 1,
        "job": job.pk, "judged": 3, "of": 4, "left_out": 1, "threshold": 0.25,
        "trained_accuracy": 0.95, "columns_moved": 2, "columns_moved_strongly": 1,
        "drift_auc": 0.75,
    }  # fmt: skip
    assert expected.items() <= last.items()
    types = tables.types(figures())
    assert (types["created_at"], types["recipe"]) == ("datetime", "text")
    assert tables.imported(figures()), "it has a profile, so the Lab takes it"
    pages = (
        ("datasets/figures/", "Columns"), ("datasets/figures/?tab=columns", "drift_auc"),
        ("evaluations/history/", ">figures</a>"), ("recipes/judge/", "Metrics dataset"),
    )  # fmt: skip
    for page, said in pages:
        answer = as_ben.get(f"/p/INSECTS/{page}")
        assert answer.status_code == 200
        assert said in answer.content.decode()
    node = next(one for one in queries.flow_of(project).nodes if one.name == "figures")
    assert (node.state, node.about["by"]) == ("ready", "judge")


def test_two_recipes_into_one_store_share_its_table_and_lose_no_row(
    saved: SavedModel, ada: User, django_capture_on_commit_callbacks: Publishing
) -> None:
    one, two = evaluation(saved, ada, "one"), evaluation(saved, ada, "two")
    assert one.metrics == two.metrics
    evaluated(one, ada, 0.75)
    early = waiting()
    evaluated(two, ada, 0.5)
    imported(waiting())
    with django_capture_on_commit_callbacks(execute=True):
        imported(early)
    assert [one["recipe"] for one in rows()] == ["one", "two"], "the older import counts no more"
    assert not Path(early.spec["archive"]).exists()
    services.delete_recipe(one)
    services.delete_recipe(two)
    assert figures().rows == 2, "what recipes wrote stays"
    third = evaluation(saved, ada, "three", metrics="all again")
    evaluated(third, ada, 0.25)
    job = Dataset.objects.get(name="all again").job
    assert job is not None
    assert imported(job)["rows"] == 3


def test_the_transaction_that_ends_the_evaluation_begins_the_import(
    saved: SavedModel, ada: User
) -> None:
    cast.node(gpus=1)
    one = cast.claimed(services.run_recipe(evaluation(saved, ada), ada))
    told = {"metric": "accuracy", "metrics": {"accuracy": 0.75}}
    jobs.finish(one, told, publish=PUBLISH["evaluate"])
    assert JobRow.objects.get(pk=one.job_id).state == "succeeded"
    assert Evaluation.objects.get().number == 1
    assert (figures().state, waiting().kind, waiting().state) == ("importing", "import", "starting")


def test_types_that_a_person_corrected_stay(saved: SavedModel, ada: User) -> None:
    recipe = evaluation(saved, ada)
    evaluated(recipe, ada, 0.75)
    job = waiting()
    job.spec["types"]["version"] = "text"
    job.save()
    imported(job)
    evaluated(recipe, ada, 0.5)
    imported(waiting())
    assert [one["version"] for one in rows()] == ["1", "1"]


def test_an_import_that_failed_is_made_up_for_by_the_next(
    saved: SavedModel, ada: User, django_capture_on_commit_callbacks: Publishing
) -> None:
    recipe = evaluation(saved, ada)
    evaluated(recipe, ada, 0.75)
    failed = waiting()
    done(failed, "failed")
    with django_capture_on_commit_callbacks(execute=True):
        evaluated(recipe, ada, 0.5)
    assert not Path(failed.spec["archive"]).exists()
    imported(waiting())
    assert [one["number"] for one in rows()] == [1, 2]


@pytest.fixture
def api(ada: User) -> Iterator[TracksideClient]:
    _, secret = make_token(ada, "metrics")
    with TracksideClient("http://127.0.0.1", secret, transport=Through()) as one:
        yield one


def test_who_waits_for_an_evaluation_finds_it_in_the_table(
    saved: SavedModel, ada: User, api: TracksideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, waits = evaluation(saved, ada), list[float]()

    def asleep(seconds: float) -> None:
        waits.append(seconds)
        imported(waiting())

    monkeypatch.setattr("trackside.client.client.time", SimpleNamespace(sleep=asleep))
    for number in (1, 2):
        job = evaluated(recipe, ada, 0.75)
        assert figures().state == "importing"
        assert api.finished(job.pk)["fills"] == "figures"
        assert len(api.rows("INSECTS", "figures")["rows"]) == len(waits) == number
    assert api.ready("INSECTS", "figures")["rows"] == 2


def test_who_waits_for_a_table_whose_import_fails_is_told_why(
    saved: SavedModel, ada: User, api: TracksideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "Client", lambda: nullcontext(api))
    recipe = evaluation(saved, ada)
    evaluated(recipe, ada, 0.75)
    imported(waiting())
    job = evaluated(recipe, ada, 0.5)
    JobRow.objects.filter(pk=waiting().pk).update(state="failed", reason="The disk is full.")
    with pytest.raises(TracksideError, match=r"figures: The disk is full\."):
        api.finished(job.pk)
    assert commands.main(["jobs", "--follow", str(job.pk)]) == 1
    assert len(api.rows("INSECTS", "figures")["rows"]) == 1, "those of before"


def test_without_room_the_evaluation_counts_and_the_table_says_why(
    saved: SavedModel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = evaluation(saved, ada)
    job = services.run_recipe(recipe, ada)
    monkeypatch.setattr(room, "missing", lambda *_: "New work is refused: it is full.")
    PUBLISH["evaluate"](job, attempt(job), {"metric": "accuracy", "metrics": {}})
    assert Evaluation.objects.count() == 1
    assert (figures().state, figures().reason) == ("planned", "New work is refused: it is full.")
    assert not storage.uploads().exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"metrics": "taken"}, "already a dataset called"),
        ({"metrics": "same", "output": "same "}, "are two datasets"),
        ({"metrics": "*"}, "cannot be a dataset's name"),
        ({"store": "other"}, "already a dataset called"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    more: dict[str, str], said: str, saved: SavedModel, ada: User
) -> None:
    photos(saved.project, "taken")
    evaluation(saved, ada, "first")
    with pytest.raises(services.BadRecipe, match=said) as refused:
        evaluation(saved, ada, **more)
    assert refused.value.field == "metrics"


def test_a_recipe_that_never_ran_takes_its_planned_table_with_it(
    saved: SavedModel, ada: User
) -> None:
    one, two = evaluation(saved, ada, "one"), evaluation(saved, ada, "two")
    services.delete_recipe(one)
    assert figures().state == "planned", "another recipe writes it"
    services.delete_recipe(two)
    assert not Dataset.objects.filter(name="figures").exists()


def test_the_form_and_rest_name_it(
    saved: SavedModel, project: Project, ada: User, as_ben: Client
) -> None:
    for name in ("more", "taken"):
        photos(project, name)
    form = {"dataset": "more", "model": "sorter", "store": "history", "metrics": "figures",
            "rows": "", "where": "cpu", "ranks": "1", "then": "keep", "click_id": "x"}  # fmt: skip
    new = "/p/INSECTS/flow/new-evaluation/"
    assert as_ben.post(new, form).status_code == 302
    refused = as_ben.post(new, {**form, "metrics": "taken", "name": "b"})
    assert refused.status_code == 422
    assert 'aria-describedby="metrics-e"' in refused.content.decode()
    body = {"name": "judge", "kind": "evaluate", "output": "history", "metrics": "figures",
            "inputs": {"dataset": "photos", "saved_model": "sorter"}}  # fmt: skip
    made = Rest(ada).call("POST", "/projects/INSECTS/recipes", body)
    assert (made.status_code, made.json()["metrics"]) == (201, "figures")
    kept = Rest(ada).call("DELETE", "/projects/INSECTS/datasets/figures")
    assert kept.status_code == 409


def test_newer_rows_are_not_uploaded_over_what_a_recipe_writes(
    saved: SavedModel, ada: User, as_ada: Client, django_capture_on_commit_callbacks: Publishing
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        evaluated(evaluation(saved, ada), ada, 0.5)
        imported(waiting())
    assert not replacing.possible(figures())
    with pytest.raises(Refused, match="is written by the recipe judge: run that again"):
        replacing.check(figures())
    assert b"Newer rows" not in as_ada.get("/p/INSECTS/datasets/figures/").content
