"""A scoring whose rows go to a table of a database, by page and by REST."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.web.test_client import client, shell
from tests.web.test_scoring_settings import RECIPES, body
from tests.web.test_table_scoring import passengers
from tests.web.trained_tables import published
from tests.web.world import Rest
from trackside.accounts.models import AuditEntry, User
from trackside.client import command as commands
from trackside.connections import services as connections
from trackside.connections.models import Connection
from trackside.datasets.models import Dataset
from trackside.flow import queries, services
from trackside.flow.actions import shown
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.jobs.models import Job as JobRow
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

__all__ = ["client", "shell"]  # fixtures
NEW = "/p/INSECTS/flow/new-recipe/"
SETTINGS = {"output": "sql", "connection": "warehouse", "table": "Scored %"}


@pytest.fixture
def new(project: Project, tmp_path: Path) -> Dataset:
    return passengers(project, tmp_path)


@pytest.fixture
def warehouse(ada: User, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file by the connection `warehouse`, and by one that is for reading alone."""
    file = tmp_path_factory.mktemp("warehouse") / "facts.db"  # not where the platform keeps its own
    sqlite3.connect(file).close()
    given = {"kind": "sqlite", "database": str(file), "everywhere": True}
    connections.create(ada, {**given, "name": "warehouse", "writable": True})
    connections.create(ada, {**given, "name": "archive"})
    return file


def test_rows_are_written_to_a_table_of_a_database(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, warehouse: Path
) -> None:
    made = Rest(ada).call("POST", RECIPES, body(settings=SETTINGS)).json()
    assert made["output"] is None
    assert made["settings"]["mode"] == "create"
    recipe = Recipe.objects.get(name="score new")
    page = as_ben.get("/p/INSECTS/recipes/score new/").content.decode()
    assert "A file is kept with its job, to download; a table lies in a database." in page
    job = services.run_recipe(recipe, ada)
    told = {"kind": "sql", "name": "warehouse", "schema": "", "table": "Scored %"}
    assert told.items() <= job.spec["output"].items()
    written = AuditEntry.objects.get(act="writes to a database").about
    assert written == "INSECTS/score new to warehouse: create Scored %"
    result = published(job)
    assert (result["file"], result["table"]["connection"]) == ("", "warehouse")
    JobRow.objects.filter(pk=job.pk).update(result=result)
    with sqlite3.connect(warehouse) as rows:
        found = rows.execute('SELECT prediction, proba_1 FROM "Scored %"').fetchall()
    assert len(found) == new.rows
    assert {one for one, _ in found} == {0, 1}, "as the target's whole numbers"
    assert Rest(ada).call("GET", f"/jobs/{job.pk}").json()["scored"]["table"]["table"] == "Scored %"
    for page in (f"/p/INSECTS/jobs/{job.pk}/", "/p/INSECTS/recipes/score new/"):
        said = as_ben.get(page).content.decode()
        assert "Scored % of warehouse" in said
        assert "/file/" not in said


def test_a_run_that_would_be_refused_is_refused_before_it_is_a_job(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, warehouse: Path
) -> None:
    Rest(ada).call("POST", RECIPES, body(settings=SETTINGS))
    with sqlite3.connect(warehouse) as rows:
        rows.execute('CREATE TABLE "Scored %" (a)')
    again, page = f"{RECIPES}/score new/run", "/p/INSECTS/recipes/score new/"
    answer = Rest(ada).call("POST", again, {})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == "settings.mode"
    assert "warehouse has a table Scored % already" in error["message"]
    assert "append the rows, or replace" in as_ben.post(f"{page}run/", follow=True).content.decode()
    assert not JobRow.objects.filter(kind="score").exists()
    answer = Rest(ada).call("POST", again, {"settings": {"mode": "append"}})
    assert answer.status_code < 300
    job = JobRow.objects.get(kind="score")
    assert job.spec["output"]["mode"] == "append"


def test_a_recipe_says_that_its_next_run_is_refused(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, warehouse: Path
) -> None:
    Rest(ada).call("POST", RECIPES, body(settings=SETTINGS))
    job = services.run_recipe(Recipe.objects.get(name="score new"), ada)
    page = "/p/INSECTS/recipes/score new/"
    said = "The last run has written Scored % of warehouse."
    assert said not in as_ben.get(page).content.decode()
    JobRow.objects.filter(pk=job.pk).update(state="succeeded")
    assert said in as_ben.get(page).content.decode()
    Rest(ada).call("PATCH", f"{RECIPES}/score new", {"settings": {**SETTINGS, "mode": "append"}})
    assert said not in as_ben.get(page).content.decode()


def test_the_flow_shows_the_table_that_is_written(
    survivors: SavedModel,
    new: Dataset,
    project: Project,
    ada: User,
    as_ada: Client,
    warehouse: Path,
) -> None:
    Rest(ada).call("POST", RECIPES, body(settings=SETTINGS))

    def box() -> dict[str, Any]:
        graph = shown(queries.flow_of(project), project, True)
        assert {"from": "recipe:score new", "to": "table:warehouse.Scored %"} in graph["edges"]
        (one,) = [node for node in graph["nodes"] if node["type"] == "table"]
        return dict(one)

    one = box()
    assert (one["name"], one["state"]) == ("warehouse.Scored %", "planned")
    assert [each["label"] for each in one["actions"]] == ["Build"]
    job = services.run_recipe(Recipe.objects.get(name="score new"), ada)
    JobRow.objects.filter(pk=job.pk).update(result=published(job), state="succeeded")
    one = box()
    assert (one["state"], one["about"]["rows"]) == ("ready", new.rows)
    read = next(each for each in one["actions"] if each["label"] == "Read as a dataset")
    assert re.search(r'value="Scored %"[^>]* checked', as_ada.get(read["url"]).content.decode())
    assert Rest(ada).call("GET", "/projects/INSECTS/flow").json()["nodes"][-1]["kind"] == "sql"


def test_a_table_that_several_write_is_as_the_last_run_into_it_left_it(
    survivors: SavedModel, new: Dataset, project: Project, ada: User, warehouse: Path
) -> None:
    into = {**SETTINGS, "mode": "append"}
    for name in ("first", "second"):
        Rest(ada).call("POST", RECIPES, body(name=name, settings=into))
    first, second = Recipe.objects.filter(kind="score").order_by("name")

    def left(recipe: Recipe, state: str, rows: int | None) -> tuple[str, str, int | None]:
        job = services.run_recipe(recipe, ada)
        JobRow.objects.filter(pk=job.pk).update(state=state, result={"rows": rows} if rows else {})
        (one,) = [node for node in queries.flow_of(project).nodes if node.type == "table"]
        return one.state, one.about["by"], one.about["rows"]

    assert left(first, "succeeded", 7) == ("ready", "first", 7)
    assert left(second, "cancelled", None) == ("ready", "first", 7)
    assert left(second, "failed", None) == ("failed", "second", None)
    assert left(first, "succeeded", 8) == ("ready", "first", 8)
    first.settings["table"] = "another"
    first.save()
    states = {node.name: node.state for node in queries.flow_of(project).nodes}
    assert (states["warehouse.another"], states["warehouse.Scored %"]) == ("planned", "failed")


@pytest.mark.usefixtures("shell")
def test_the_shell_runs_a_recipe_again(
    survivors: SavedModel,
    new: Dataset,
    warehouse: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    score = ["score", "INSECTS", "--dataset", "new", "--model", "survivors", "--cpu", "1"]
    table = ["--connection", "warehouse", "--table", "Scored %"]
    assert commands.main([*score, *table]) == 0
    JobRow.objects.update(state="succeeded")
    assert commands.main([*score, *table, "--mode", "append"]) == 1
    assert "trackside run INSECTS 'score new with survivors'" in capsys.readouterr().err
    assert commands.main(["run", "INSECTS", "score new with survivors", "--mode", "append"]) == 0
    job = JobRow.objects.latest("id")
    assert (job.kind, job.spec["output"]["mode"]) == ("score", "append")
    recipe = Recipe.objects.get(name="score new with survivors")
    assert recipe.settings["mode"] == "create", "this time only"


@pytest.mark.usefixtures("shell")
def test_the_shell_scores_into_a_table(
    survivors: SavedModel, new: Dataset, warehouse: Path
) -> None:
    score = ["score", "INSECTS", "--dataset", "new", "--model", "survivors", "--cpu", "1"]
    table = ["--connection", "warehouse", "--table", "Scored %", "--mode", "append"]
    assert commands.main([*score, *table]) == 0
    told = JobRow.objects.latest("id").spec["output"]
    assert (told["kind"], told["table"], told["mode"]) == ("sql", "Scored %", "append")
    for wrong in ([], ["--connection", "warehouse"], [*table, "--output", "out"]):
        with pytest.raises(SystemExit):
            commands.main([*score, *wrong])


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"connection": ""}, "connection", "Choose the connection"),
        ({"connection": "nowhere"}, "connection", "no connection called 'nowhere'"),
        ({"connection": "archive"}, "connection", "for reading only"),
        ({"table": " "}, "table", "Name the table"),
        ({"mode": "upsert"}, "mode", "must be one of"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused_with_the_field(
    survivors: SavedModel,
    new: Dataset,
    ada: User,
    warehouse: Path,
    change: dict[str, str],
    field: str,
    said: str,
) -> None:
    answer = Rest(ada).call("POST", RECIPES, body(settings={**SETTINGS, **change}))
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == f"settings.{field}"
    assert said in error["message"]


def test_the_page_makes_and_changes_such_a_recipe(
    survivors: SavedModel, new: Dataset, as_ben: Client, warehouse: Path, ada: User
) -> None:
    form = {
        "dataset": "new",
        "model": "survivors",
        "name": "to the warehouse",
        "where": "cpu",
        **{f"set-{name}": value for name, value in {**SETTINGS, "mode": "append"}.items()},
        "set-schema": "",
        "set-threshold": "",
        "set-probabilities": "all",
        "set-explanations": "0",
        "set-engine": "own",
    }
    answer = as_ben.post(NEW, {**form, "set-table": ""})
    assert answer.status_code == 422
    assert "Name the table that the rows are written to." in answer.content.decode()
    assert as_ben.post(NEW, form).status_code == 302
    one = Recipe.objects.get(name="to the warehouse")
    assert (one.output, one.settings["mode"]) == (None, "append")
    address = "/p/INSECTS/recipes/to the warehouse/"
    assert "Table of warehouse" in as_ben.get(address).content.decode()
    assert as_ben.post(address, {**form, "set-table": "others", "then": "save"}).status_code == 302
    one.refresh_from_db()
    assert one.settings["table"] == "others"
    Connection.objects.filter(name="warehouse").update(writable=False)
    assert "warehouse (not to be written to)" in as_ben.get(address).content.decode()
    with pytest.raises(BadRecipe, match="for reading only"):
        services.run_recipe(one, ada)


def test_databases_are_offered_where_one_may_be_written_to(
    survivors: SavedModel, new: Dataset, as_ben: Client, warehouse: Path
) -> None:
    page = as_ben.get(NEW).content.decode()
    assert "SQL table" in page
    assert '<option value="warehouse"' in page
    assert "archive" not in page
    Connection.objects.filter(name="warehouse").delete()
    assert "SQL table" not in as_ben.get(NEW).content.decode()
