"""Evaluations in the Flow: the recipe, its run, the store's history, pages, what is refused."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.test import Client

from tests.recipes import tabling
from tests.web import trained_tables
from tests.web.trained_tables import published
from tests.web.world import Rest, attempt, done, photos
from trackside.accounts.models import AuditEntry, User
from trackside.datasets.models import Dataset
from trackside.flow import evaluating, queries, services
from trackside.flow import evaluation_charts as charts
from trackside.flow.models import Recipe
from trackside.jobs.models import Job as JobRow
from trackside.projects.models import Project
from trackside.saved_models import stores
from trackside.saved_models.models import Evaluation, EvaluationStore, SavedModel
from workers.outcomes import PUBLISH

NEW = "/p/INSECTS/flow/new-evaluation/"
HISTORY = "/p/INSECTS/evaluations/history/"
TOLD: dict[str, Any] = {"metric": "roc_auc", "metrics": {"roc_auc": 0.7}, "judged": 9, "of": 10}


def passengers(project: Project, home: Path, change: Any = None, name: str = "new") -> Dataset:
    """Rows that the model has not seen, and some that it has: 391 with the truth."""
    table = tabling.real("titanic").slice(500)
    tabling.dataset(home / name, change(table) if change else table)
    return trained_tables.table_dataset(project, None, name, home / name)


def older(table: pa.Table) -> pa.Table:
    place = table.column_names.index("age")
    ages = [None if one is None else one + 30 for one in table.column("age").to_pylist()]
    return table.set_column(place, "age", pa.array(ages, pa.float64()))


def evaluation(
    saved: SavedModel, dataset: Dataset, user: User, store: str = "history", output: str = ""
) -> Recipe:
    wish = services.Wish(
        name=f"judge {dataset}", kind="evaluate", dataset=dataset, saved_model=saved, store=store,
        output=output,
    )  # fmt: skip
    return services.create_recipe(saved.project, user, wish)


def test_an_evaluation_enters_the_history_of_its_store(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    new = passengers(project, tmp_path)
    recipe = evaluation(survivors, new, ada, output="judged")
    assert queries.snapshot(recipe) | {"output": "history", "rows": "judged"} == queries.snapshot(
        recipe
    )
    edges = queries.flow_of(project).edges
    assert ("recipe:judge new", "evaluation_store:history") in edges
    job = services.run_recipe(recipe, ada)
    assert job.title == "Evaluate survivors on new"
    assert (job.compute["ranks"], job.spec["rows"]) == (1, True)
    result = published(job)
    (one,) = Evaluation.objects.all()
    assert (result["store"], result["evaluation"], one.number) == ("history", 1, 1)
    assert (one.judged, one.of, one.dataset) == (391, 391, "new")
    assert one.metrics == result["metrics"]
    assert one.trained == survivors.versions.get().metrics
    told = stores.document(one)
    assert told["metrics"] == one.metrics
    judged = Dataset.objects.get(name="judged")
    assert (judged.state, judged.rows) == ("ready", 391)
    node = next(one for one in queries.flow_of(project).nodes if one.type == "evaluation_store")
    assert node.state == "ready"
    for tab in ("", "1/", "1/drift/", "1/performance/", "?metric=f1"):
        assert as_ben.get(f"{HISTORY}{tab}").status_code == 200
    phone = '<span class="on-s t2 wrap">new, version 1, '  # what a phone shows of a line
    assert phone in as_ben.get(HISTORY).content.decode()
    assert as_ben.get(f"{HISTORY}1/nonsense/").status_code == 404
    page = as_ben.get(f"/p/INSECTS/jobs/{job.pk}/")
    assert page.status_code == 200


def test_drift_is_found_named_and_shown_and_the_history_grows(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    first = evaluation(survivors, passengers(project, tmp_path), ada)
    published(services.run_recipe(first, ada))
    second = evaluation(survivors, passengers(project, tmp_path, older, "older"), ada)
    published(services.run_recipe(second, ada))
    assert EvaluationStore.objects.count() == 1, "the same name is the same store"
    before, now = Evaluation.objects.order_by("number")
    assert "age" not in [one["name"] for one in before.drift["moved"]]
    assert now.drift["moved"][0] == {
        "name": "age", "psi": now.drift["moved"][0]["psi"], "strength": "strong"
    }  # fmt: skip
    assert now.drift["classifier"]["told"]
    page = as_ben.get(HISTORY).content.decode()
    assert page.count("<circle") == 2, "a dot an evaluation"
    assert "version 1 in its training" in page
    drift = as_ben.get(f"{HISTORY}2/drift/").content.decode()
    assert drift.index(">age<") < drift.index(">fare<"), "what moved most stands first"
    assert "they differ" in drift
    only = as_ben.get(f"{HISTORY}2/drift/?only=moved").content.decode()
    assert ">age<" in only
    csv = b"".join(as_ben.get(f"{HISTORY}?format=csv").streaming_content).decode().splitlines()
    assert len(csv) == 3
    assert csv[0].startswith("number,created_at,dataset")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(["survived"]), "has no column 'survived'"),
        (lambda table: table.drop_columns(["sex"]), "lacks 1 of the 13 columns"),
    ],
)
def test_a_table_without_truth_or_columns_is_refused_before_a_job_begins(
    change: Any,
    said: str,
    survivors: SavedModel,
    project: Project,
    ada: User,
    as_ben: Client,
    tmp_path: Path,
) -> None:
    recipe = evaluation(survivors, passengers(project, tmp_path, change), ada)
    with pytest.raises(services.BadRecipe, match=said) as refused:
        services.run_recipe(recipe, ada)
    assert refused.value.field == "inputs.dataset"
    assert not JobRow.objects.filter(kind="evaluate").exists()
    page = as_ben.get(f"/p/INSECTS/recipes/{recipe.name}/").content.decode()
    assert said.replace("'", "&#x27;") in page
    services.delete_recipe(recipe)
    assert not EvaluationStore.objects.exists(), "a store without a history goes with its recipe"


def test_pictures_without_labels_are_refused(project: Project, ada: User) -> None:
    bare = photos(project, "bare", labelled=False)
    model = SavedModel.objects.create(project=project, name="m", task="image_classification")
    version = model.versions.create(number=1, active=True)
    assert "No picture of bare has a label" in evaluating.trouble(bare, version)
    assert evaluating.trouble(photos(project, "good"), version) == ""


def test_the_form_makes_the_recipe_and_says_what_is_wrong(
    survivors: SavedModel, project: Project, as_ben: Client, as_cleo: Client, tmp_path: Path
) -> None:
    passengers(project, tmp_path)
    page = as_ben.get(f"{NEW}?model=survivors").content.decode()
    assert 'value="survivors evaluations"' in page
    assert 'data-store="survivors evaluations"' in page
    form = {"dataset": "new", "model": "survivors", "store": "history", "rows": "", "where": "cpu",
            "ranks": "1", "then": "run", "click_id": "x1"}  # fmt: skip
    answer = as_ben.post(NEW, form)
    job = JobRow.objects.latest("id")
    assert answer.headers["Location"] == f"/p/INSECTS/jobs/{job.pk}/"
    assert (job.kind, job.spec["rows"]) == ("evaluate", False)
    assert as_ben.get("/p/INSECTS/recipes/evaluate on new/").status_code == 200
    for wrong, said in (
        ({"store": "*"}, "is no name for a evaluation store"),
        ({"rows": "new"}, "already"),
        ({"dataset": "gone"}, "Choose the dataset to judge by."),
        ({"model": ""}, "Choose the model to judge."),
    ):
        refused = as_ben.post(NEW, {**form, "store": "other", "click_id": "x2", **wrong})
        assert refused.status_code == 422
        assert said in refused.content.decode()
    assert EvaluationStore.objects.count() == 1
    assert as_cleo.get(NEW).status_code in (403, 404), "a reader makes no recipe"
    assert as_cleo.get(HISTORY).status_code == 200


def test_a_store_is_of_one_model_and_is_deleted_without_recipes_alone(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    new = passengers(project, tmp_path)
    recipe = evaluation(survivors, new, ada)
    other = SavedModel.objects.create(project=project, name="other", task="two_class")
    with pytest.raises(services.BadRecipe, match="belongs to survivors"):
        evaluation(other, passengers(project, tmp_path, name="more"), ada)
    job = services.run_recipe(recipe, ada)
    PUBLISH["evaluate"](job, attempt(job), dict(TOLD))
    done(job)
    kept = Path(settings.TRACKSIDE_STORAGE) / Evaluation.objects.get().folder
    assert kept.is_dir()
    page = as_ben.get(f"{HISTORY}1/").content.decode()
    assert "Its document is gone" in page
    as_ben.post(f"{HISTORY}delete/")
    assert EvaluationStore.objects.count() == 1, "its recipe writes it"
    services.delete_recipe(recipe)
    assert EvaluationStore.objects.count() == 1, "the history stays"
    assert as_ben.post(f"{HISTORY}1/delete/now/").status_code == 302
    assert not Evaluation.objects.exists()
    as_ben.post(f"{HISTORY}delete/")
    assert not EvaluationStore.objects.exists()


def test_a_deletion_is_noted_and_its_number_is_not_given_again(
    project: Project, ada: User, as_ben: Client
) -> None:
    model = SavedModel.objects.create(project=project, name="m", task="two_class")
    store = stores.store_for(project, ada, "history", model)
    version = model.versions.create(number=1, active=True, bundle="none")
    found = stores.Found(version=version, dataset="new", fingerprint="", folder="", **TOLD)
    assert [stores.record(store, found, ada).number for _ in range(2)] == [1, 2]
    as_ben.post(f"{HISTORY}2/delete/now/")
    assert stores.record(store, found, ada).number == 3
    as_ben.post(f"{HISTORY}delete/")
    noted = AuditEntry.objects.order_by("pk").values_list("act", "about")
    assert list(noted)[-2:] == [
        ("evaluation deleted", "INSECTS/history 2"),
        ("evaluation store deleted", "INSECTS/history"),
    ]


def test_a_long_history_has_pages_and_its_last_one_on_each(
    project: Project, ada: User, as_ben: Client
) -> None:
    model = SavedModel.objects.create(project=project, name="m", task="two_class")
    store = stores.store_for(project, ada, "history", model)
    version = model.versions.create(number=1, active=True, bundle="none")
    found = stores.Found(version=version, dataset="new", fingerprint="", folder="", **TOLD)
    for _ in range(charts.DRAWN + 5):
        stores.record(store, found, ada)
    first, last = (as_ben.get(f"{HISTORY}{page}").content.decode() for page in ("", "?page=5"))
    assert (first.count('id="delete-t-'), last.count('id="delete-t-')) == (50, 5)
    for html in (first, last):
        assert f">Evaluation {charts.DRAWN + 5}</a>" in html
        assert html.count("<circle") == charts.DRAWN
        assert "one of the last 200 evaluations" in html


def test_an_evaluation_is_published_once_and_of_a_deleted_recipe_not_at_all(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    job = services.run_recipe(evaluation(survivors, passengers(project, tmp_path), ada), ada)
    one = attempt(job)
    for _ in range(2):
        told = dict(TOLD)
        PUBLISH["evaluate"](job, one, told)
        assert (told["store"], told["evaluation"]) == ("history", 1)
        assert Evaluation.objects.get().metrics == TOLD["metrics"]
    Recipe.objects.filter(kind="evaluate").delete()
    PUBLISH["evaluate"](job, one, dict(TOLD))
    assert Evaluation.objects.count() == 1


def test_rest_makes_runs_and_reads_evaluations(
    survivors: SavedModel, project: Project, ada: User, cleo: User, dan: User, tmp_path: Path
) -> None:
    passengers(project, tmp_path)
    rest = Rest(ada)
    body = {"name": "judge", "kind": "evaluate", "output": "history", "rows": "judged",
            "inputs": {"dataset": "new", "saved_model": "survivors"}}  # fmt: skip
    made = rest.call("POST", "/projects/INSECTS/recipes", body)
    assert made.status_code == 201, made.json()
    assert (made.json()["output"], made.json()["rows"]) == ("history", "judged")
    job = rest.call("POST", "/projects/INSECTS/recipes/judge/run", {}).json()["id"]
    published(JobRow.objects.get(pk=job))
    home = "/projects/INSECTS/evaluation-stores"
    (store,) = rest.call("GET", home).json()["evaluation_stores"]
    assert (store["name"], store["saved_model"], store["evaluations"]) == (
        "history", "survivors", 1,
    )  # fmt: skip
    listed = Rest(cleo).call("GET", f"{home}/history/evaluations").json()["evaluations"]
    assert [one["number"] for one in listed] == [1]
    told = Rest(cleo).call("GET", f"{home}/history/evaluations/1").json()
    assert told["report"]["metrics"] == told["metrics"]
    assert told["job"] == job
    assert Rest(dan).call("GET", f"{home}/history").status_code == 404
    assert rest.call("GET", f"{home}/nothing").status_code == 404
    body["settings"] = {"batch": 3}
    wrong = rest.call("POST", "/projects/INSECTS/recipes", body | {"name": "other"})
    assert wrong.status_code == 422
