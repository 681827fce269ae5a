"""From a trained table model to predictions: deploy, score, drift, REST, the bundle alone."""

import csv
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.recipes import tabling
from tests.web import trained_tables
from tests.web.trained_tables import published
from tests.web.world import Rest, photos
from trackside.accounts.models import User
from trackside.datasets import tables
from trackside.datasets.models import Dataset
from trackside.flow import queries, services
from trackside.flow.actions import shown
from trackside.flow.models import Recipe
from trackside.jobs.models import Job as JobRow
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models import bundles, stores
from trackside.saved_models.models import SavedModel

ROOT = Path(__file__).resolve().parents[2]
NEW = "/p/INSECTS/flow/new-recipe/"


def passengers(project: Project, home: Path, change: Any = None, name: str = "new") -> Dataset:
    """The columns that were learned from, without the target."""
    table = tabling.real("titanic").slice(800).drop_columns(["survived"])
    table = change(table) if change else table
    tabling.dataset(home / name, table)
    return trained_tables.table_dataset(project, None, name, home / name)


def scoring(saved: SavedModel, dataset: Dataset, user: User, output: str = "scored") -> Recipe:
    wish = services.Wish(
        name=f"score {output}", kind="score", dataset=dataset, saved_model=saved, output=output
    )
    return services.create_recipe(saved.project, user, wish)


def test_a_new_recipe_asks_as_much_for_one_model_as_for_many(
    two: TrainedModel, survivors: SavedModel, project: Project, ada: User, as_ben: Client
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert as_ben.get(NEW).status_code == 200
        return len(seen)

    asked()  # what is kept from page to page
    before = asked()
    for name in ("others", "and more"):
        services.deploy(two, name, ada)
    assert asked() == before


def test_a_scoring_writes_the_columns_of_the_table_and_its_predictions(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    new = passengers(project, tmp_path)
    recipe = scoring(survivors, new, ada)
    assert queries.snapshot(recipe)["output"] == "scored"
    job = services.run_recipe(recipe, ada)
    assert "batch" not in job.spec, "rows are not asked for in batches of pictures"
    assert job.compute["ranks"] == 1
    published(job)
    output = Dataset.objects.get(name="scored")
    assert (output.state, output.rows) == ("ready", new.rows)
    names = tables.table(output).names
    assert names == [*tables.table(new).names, "prediction", "proba_0", "proba_1"]
    types = {one["name"]: one["type"] for one in tables.columns(output)}
    assert (types["prediction"], types["proba_1"]) == ("integer", "number")
    (row,) = tables.table(output).window(0, 1, list(range(len(names))))
    first = dict(zip(names, row, strict=True))
    assert first["prediction"] in (0, 1)
    assert abs(first["proba_0"] + first["proba_1"] - 1) < 1e-6
    rest = Rest(ada)
    rows = rest.call("GET", "/projects/INSECTS/datasets/scored/rows?limit=2").json()
    assert [len(one) for one in rows["rows"]] == [len(names)] * 2
    node = next(one for one in queries.flow_of(project).nodes if one.id == "dataset:scored")
    assert node.state == "ready"


def test_the_flow_asks_as_much_for_one_scored_dataset_as_for_many(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    new = passengers(project, tmp_path)

    def asked(name: str) -> int:
        job = services.run_recipe(scoring(survivors, new, ada, name), ada)
        JobRow.objects.filter(pk=job.pk).update(state="succeeded")
        Dataset.objects.filter(name=name).update(state="ready")
        with CaptureQueriesContext(connection) as seen:
            states = {one.name: one.state for one in queries.flow_of(project).nodes}
        assert states[name] == "ready"
        return len(seen)

    assert asked("one") == asked("two") == asked("three")


def test_what_was_scored_can_be_scored_again(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    first = scoring(survivors, passengers(project, tmp_path), ada)
    published(services.run_recipe(first, ada))
    again = scoring(survivors, Dataset.objects.get(name="scored"), ada, "twice")
    published(services.run_recipe(again, ada))
    names = tables.table(Dataset.objects.get(name="twice")).names
    assert [one for one in names if one.startswith("prediction")] == ["prediction", "prediction_"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(["sex", "fare"]), "lacks 2 of the 13 columns"),
        (
            lambda table: table.set_column(
                table.column_names.index("fare"), "fare", pa.array(["cheap"] * len(table))
            ),
            "'fare' was number and is text",
        ),
    ],
)
def test_another_table_is_refused_before_a_job_begins(
    change: Any,
    said: str,
    survivors: SavedModel,
    project: Project,
    ada: User,
    as_ben: Client,
    tmp_path: Path,
) -> None:
    recipe = scoring(survivors, passengers(project, tmp_path, change), ada)
    jobs = JobRow.objects.count()
    with pytest.raises(services.BadRecipe, match=said) as refused:
        services.run_recipe(recipe, ada)
    assert refused.value.field == "inputs.dataset"
    page = as_ben.get(f"/p/INSECTS/recipes/{recipe.name}/").content.decode()
    assert said.replace("'", "&#x27;") in page
    answer = Rest(ada).call("POST", f"/projects/INSECTS/recipes/{recipe.name}/run", {})
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert JobRow.objects.count() == jobs


def test_more_columns_and_whole_numbers_for_fractions_are_no_drift(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index("fare")
        whole = pa.array(range(len(table)), pa.int64())
        return table.set_column(place, "fare", whole).append_column("note", whole)

    recipe = scoring(survivors, passengers(project, tmp_path, change), ada)
    assert published(services.run_recipe(recipe, ada))["rows"] == 91


def test_the_page_offers_what_goes_together(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    photos(project, "photos", labelled=False)
    passengers(project, tmp_path)
    page = as_ben.get(f"{NEW}?model=survivors").content.decode()
    assert '<optgroup label="Tables">' in page
    assert "photos" not in page, "no model here reads images"
    form = {"dataset": "new", "model": "survivors", "output": "by_ben", "where": "cpu",
            "ranks": "1", "then": "run", "click_id": "x1"}  # fmt: skip
    answer = as_ben.post(NEW, form)
    job = JobRow.objects.latest("id")
    assert answer.headers["Location"] == f"/p/INSECTS/jobs/{job.pk}/"
    recipe = as_ben.get("/p/INSECTS/recipes/score by_ben/").content.decode()
    assert "Batch size" not in recipe
    wrong = as_ben.post(NEW, {**form, "dataset": "photos", "output": "other", "click_id": "x2"})
    assert "is a dataset of images" in wrong.content.decode()
    kept = as_ben.post("/p/INSECTS/recipes/score by_ben/", {"where": "cpu", "then": "save"})
    assert kept.status_code == 302, "a form without a batch size is saved"


def test_create_and_run_of_another_table_leaves_no_recipe(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    passengers(project, tmp_path, lambda table: table.drop_columns(["sex"]), "another")
    passengers(project, tmp_path, name="fitting")
    page = as_ben.get(f"{NEW}?model=survivors").content.decode()
    assert re.search(r'<option value="(fitting|two_class rows)" selected', page)
    form = {"dataset": "another", "model": "survivors", "output": "by_ben", "where": "cpu",
            "ranks": "1", "then": "run", "click_id": "x1"}  # fmt: skip
    answer = as_ben.post(NEW, form)
    assert answer.status_code == 422
    assert "lacks 1 of the 13 columns" in answer.content.decode()
    assert not Recipe.objects.filter(kind="score").exists()
    assert not Dataset.objects.filter(name="by_ben").exists()


def test_the_saved_model_speaks_of_rows(survivors: SavedModel, as_ben: Client) -> None:
    page = as_ben.get("/p/INSECTS/models/survivors/").content.decode()
    assert "Score a table" in page
    assert "images" not in page
    assert "table.csv --out" in page


def test_lines_of_csv_are_refused_with_what_to_do(
    survivors: SavedModel, project: Project, ada: User
) -> None:
    facts = {"columns": [{"name": "path", "type": "string"}]}
    old = Dataset.objects.create(
        project=project, name="old", kind="table", state="ready", rows=1, facts=facts
    )
    with pytest.raises(services.BadRecipe, match="holds lines of CSV"):
        services.run_recipe(scoring(survivors, old, ada), ada)


def test_a_downloaded_bundle_scores_alone(survivors: SavedModel, ada: User, tmp_path: Path) -> None:
    answer = Rest(ada).call("GET", "/projects/INSECTS/saved-models/survivors/versions/1/bundle")
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    assert len(content) == len(b"".join(bundles.tar(survivors.versions.get())))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(tmp_path, filter="data")
    rows = tmp_path / "rows.csv"
    with (tabling.DATA / "titanic.csv").open() as source:
        rows.write_text("".join(next(source) for _ in range(6)))
    out = tmp_path / "out.csv"
    ran = subprocess.run(
        [sys.executable, "-m", "recipes", "score", tmp_path / "bundle", rows, "--out", out],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    with out.open() as made:
        told = list(csv.DictReader(made))
    assert len(told) == 5
    assert {one["prediction"] for one in told} <= {"0", "1"}


def test_a_report_is_read_by_rest(two: TrainedModel, ada: User, cleo: User, dan: User) -> None:
    address = f"/projects/INSECTS/trained-models/{two.pk}"
    told = Rest(cleo).call("GET", address).json()
    assert (told["task"], told["metrics"]) == ("two_class", two.metrics)
    assert len(told["report"]["thresholds"]) == 101
    assert Rest(dan).call("GET", address).status_code == 404
    two.bundle = ""
    two.save()
    assert Rest(cleo).call("GET", address).json()["report"] is None


def test_what_a_corrected_table_has_taught_and_judged_is_out_of_date(
    survivors: SavedModel, project: Project, ada: User, tmp_path: Path
) -> None:
    new = passengers(project, tmp_path)
    new.fingerprint = "first"
    new.save()

    def old() -> dict[str, str]:
        return {one.type: one.reason for one in queries.flow_of(project).nodes
                if one.state == "out_of_date"}  # fmt: skip

    version = survivors.versions.get()
    told = {"name": new.name, "fingerprint": new.fingerprint}
    spec = {"task": "two_class", "dataset": told}
    version.job = JobRow.objects.create(
        project=project, kind="train", title="t", spec=spec, compute={}
    )
    version.save()
    found = stores.Found(version=version, dataset=new.name, fingerprint=new.fingerprint, folder="x",
                         metric="f1", metrics={}, judged=1, of=1)  # fmt: skip
    for name in ("one", "two"):
        store = stores.store_for(project, ada, name, survivors)
        stores.record(store, found, ada)
    assert old() == {}
    Dataset.objects.filter(pk=new.pk).update(fingerprint="corrected")
    assert old() == {
        "saved_model": "new has changed since version 1 learned from it.",
        "evaluation_store": "new has changed since it judged version 1.",
    }
    (there,) = (one for one in shown(queries.flow_of(project), project, may_edit=True)["nodes"]
                if one["type"] == "saved_model")  # fmt: skip
    assert [one["label"] for one in there["actions"]] == ["Open", "Retrain", "Score", "Evaluate"]
    with CaptureQueriesContext(connection) as two:
        queries.flow_of(project)
    stores.record(stores.store_for(project, ada, "three", survivors), found, ada)
    with CaptureQueriesContext(connection) as three:
        queries.flow_of(project)
    assert len(three) == len(two), "as many questions, however many stores"
