"""A design that tests its models on a second dataset: form, REST, spec, and who may delete it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.recipes import tabling
from tests.web import table_stage, trained_tables
from tests.web.test_lab_tables import CPU, HOME, ROWS, adults
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets import holding
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset
from trackside.flow import services as flow
from trackside.jobs.models import Job
from trackside.lab import document_data, results_table, second_dataset, services
from trackside.lab.entrants import of_model
from trackside.lab.models import Analysis
from trackside.lab.pages import diagnose
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

pytestmark = pytest.mark.django_db
HERE = "/projects/INSECTS/analyses/earners"
JSON = {"Accept": "application/json"}


@pytest.fixture
def analysis(project: Project, ada: User) -> Analysis:
    people = table_stage.uploaded(project, ada, "people", adults())
    return services.create_analysis(project, ada, "earners", people, "income")


@pytest.fixture
def later(project: Project, ada: User) -> Dataset:
    gaps = adults().slice(0, 40).drop_columns(["same"])
    place = gaps.column_names.index("income")
    income = pa.array([None, None, *gaps.column("income").to_pylist()[2:]])
    return table_stage.uploaded(project, ada, "later", gaps.set_column(place, "income", income))


def on_another(name: str = "later") -> dict[str, Any]:
    return {"policy": "dataset", "test_dataset": name}


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_second_dataset_is_chosen_in_the_form(
    analysis: Analysis, later: Dataset, as_ada: Any
) -> None:
    page = as_ada.get(f"{HOME}design/split/").content.decode()
    assert '<option value="later">later · 40 rows</option>' in page
    assert 'value="people"' not in page
    assert "Train 48 the model learns" in words(page)
    sent = {**analysis.design["split"], **on_another(), "stratify": "on"}
    answer = as_ada.post(f"{HOME}design/split/", {**sent, "test_dataset": ""}, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"]["test_dataset"].startswith("Choose the dataset to test on")
    assert as_ada.post(f"{HOME}design/split/", sent, headers=JSON).status_code == 200
    page = words(as_ada.get(f"{HOME}design/split/").content.decode())
    assert "Train 48 the model" in page
    assert "Validation 12 stop" in page
    assert "Test 38 rows of later" in page


def test_the_spec_names_where_the_second_dataset_lies(
    analysis: Analysis, later: Dataset, ada: User
) -> None:
    services.save_design(analysis, "split", on_another())
    session = services.train(analysis, ada, CPU)
    spec = Job.objects.get(trained_model__session=session).spec
    assert spec["test"]["name"] == "later"
    assert spec["test"]["fingerprint"] == later.fingerprint
    assert str(spec["test"]["folder"]).endswith(later.folder)
    assert spec["split"]["policy"] == "dataset"
    services.save_design(analysis, "split", {"policy": "random"})
    assert "test" not in services.freeze(analysis, analysis.design["models"][0])


def test_it_cannot_be_deleted_or_read_again_while_a_job_tests_on_it(
    analysis: Analysis, later: Dataset, ada: User
) -> None:
    services.save_design(analysis, "split", on_another())
    job = Job.objects.get(trained_model__session=services.train(analysis, ada, CPU))
    with pytest.raises(datasets.Refused, match=f"job {job.pk} .* reads it"):
        datasets.delete(later, ada)
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    datasets.delete(later, ada)
    assert next(one.title for one in diagnose(analysis)) == "The test set cannot test"
    with pytest.raises(services.Refused, match="no dataset 'later' in this project"):
        services.train(analysis, ada, CPU)


def test_a_recipe_that_trains_again_holds_both_datasets_in_their_order(
    later: Dataset, analysis: Analysis, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`later` was made first."""
    services.save_design(analysis, "split", on_another())
    model = analysis.design["models"][0]
    kept = {"algorithm": model["algorithm"], "params": model["params"]}
    wish = flow.Wish(
        name="again",
        kind="train",
        dataset=analysis.dataset,
        saved_model=SavedModel.objects.create(
            project=analysis.project, name="m", task=analysis.task
        ),
        settings={"design": {**analysis.design, "target": "income"}, **kept},
        analysis=analysis,
    )
    recipe = flow.create_recipe(analysis.project, ada, wish)
    names: list[str] = []

    def held(one: Dataset) -> Dataset:
        names.append(one.name)
        return Dataset.objects.select_for_update().get(pk=one.pk)

    monkeypatch.setattr(holding, "held", held)
    job = flow.run_recipe(recipe, ada)
    assert job.spec["test"]["name"] == "later"
    assert names == ["later", "people"]
    Job.objects.filter(pk=job.pk).update(state="failed")
    Dataset.objects.filter(name="people").update(state="importing")
    with pytest.raises(flow.BadRecipe, match="people cannot be read yet"):
        flow.run_recipe(recipe, ada)


def test_the_dialog_and_the_results_name_it(
    analysis: Analysis, later: Dataset, project: Project, ada: User, as_ada: Any, tmp_path: Path
) -> None:
    services.save_design(analysis, "split", on_another())
    dialog = as_ada.get(f"{HOME}train/", headers={"X-Fragment": "1"}).content.decode()
    assert "tested on later" in dialog
    second = {**tabling.dataset(tmp_path / "later", tabling.small(30)), "name": "later"}
    first = tabling.dataset(tmp_path / "data", tabling.small())
    spec = {**tabling.QUICK, "split": on_another(), "test": second}
    folder = tabling.job(tmp_path, first, "good", spec=spec)
    tabling.run(folder)
    model = trained_tables.placed(project, ada, folder)
    page = f"/p/INSECTS/trained-models/{model.pk}/"
    assert "tested on 30 rows of later" in words(as_ada.get(page).content.decode())
    assert "On later, the test set" in words(as_ada.get(f"{page}metrics/").content.decode())
    some = {"dataset": "later", "rows": 9, "sample": {"how": "random", "rows": 9, "of": 30}}
    assert results_table.tested({"test": some}) == "9 of 30 rows, drawn at random, of later"
    assert results_table.tested({"test": {"rows": 9}}) == ""
    one = of_model(model)
    (block,) = document_data.split(replace(one, report={**one.report, "test": some}))
    assert ["Drawn from it", "9 of 30 rows, drawn at random"] in block["rows"]


def without(name: str) -> Any:
    return lambda table: table.drop_columns([name])


def as_words(table: pa.Table) -> pa.Table:
    place = table.column_names.index("age")
    return table.set_column(place, "age", pa.array(["old"] * len(table)))


UNFIT = {
    "columns are gone": (without("pay"), "The test set later lacks 1 of the 5 .*: 'pay'"),
    "the target is gone": (without("income"), "lacks 1 of the 5 .*: 'income'"),
    "another type": (as_words, "Columns of the test set later .*: 'age' was integer and is text"),
    "no truth": (
        lambda table: without("income")(table).append_column("income", pa.nulls(ROWS, pa.string())),
        "no value of 'income'",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_dataset_that_cannot_test_is_refused_naming_its_columns(
    case: str, analysis: Analysis, project: Project, ada: User
) -> None:
    change, said = UNFIT[case]
    table_stage.uploaded(project, ada, "later", change(adults()))
    with pytest.raises(services.BadDesign, match=said):
        services.save_design(analysis, "split", on_another())
    with pytest.raises(services.BadDesign, match="learn from people: choose another"):
        services.save_design(analysis, "split", on_another("people"))


def test_the_same_file_uploaded_twice_is_told(
    analysis: Analysis, project: Project, ada: User
) -> None:
    table_stage.uploaded(project, ada, "again", adults())
    services.save_design(analysis, "split", on_another("again"))
    assert diagnose(analysis)[0].title == "The test set is what is learned from"


def test_a_column_that_is_left_out_need_not_be_there(
    analysis: Analysis, project: Project, ada: User
) -> None:
    table_stage.uploaded(project, ada, "later", without("pay")(adults()))
    services.save_design(analysis, "features", {"pay": {"role": "ignore"}})
    services.save_design(analysis, "split", on_another())
    assert second_dataset.refusal(analysis) == ""
    services.save_design(analysis, "features", {"pay": {"role": "input"}})
    with pytest.raises(services.Refused, match="'pay'"):
        services.freeze(analysis, analysis.design["models"][0])


def test_rest_names_it_forecasts_its_rows_and_refuses_by_field(
    analysis: Analysis, later: Dataset, ada: User
) -> None:
    rest = Rest(ada)
    refused = rest.call("PATCH", HERE, {"split": on_another("gone")})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "split.test_dataset"
    changed = rest.call("PATCH", HERE, {"split": on_another()})
    assert changed.status_code == 200, changed.content
    assert changed.json()["split"]["test_dataset"] == "later"
    fits = rest.call("POST", f"{HERE}/fit", {"compute": {"kind": "cpu"}})
    assert fits.json()["rows"] == {"train": 48, "val": 12, "test": 38}
    rest.call("PATCH", HERE, {"split": {"policy": "kfold", "folds": 4}})
    fits = rest.call("POST", f"{HERE}/fit", {"compute": {"kind": "cpu"}})
    assert fits.json()["rows"] == {"train": 60, "folds": 4}
