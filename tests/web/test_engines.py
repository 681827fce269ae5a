"""Scoring engines: chosen by page and by REST, refused in time, placed; what is kept of them."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage
from tests.web.test_client import client, shell
from tests.web.test_scoring_settings import RECIPES, body
from tests.web.test_table_scoring import NEW, passengers, scoring
from tests.web.trained_tables import ran
from tests.web.world import Rest, attempt, done
from trackside.accounts.models import User
from trackside.client import command as commands
from trackside.compute.models import Node
from trackside.datasets.models import Dataset
from trackside.flow import services
from trackside.jobs import engines
from trackside.jobs import services as jobs
from trackside.jobs.kinds import ALGORITHMS, placed
from trackside.jobs.models import Attempt, Job
from trackside.lab.document import document
from trackside.lab.entrants import opened
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel
from workers.outcomes import PUBLISH

__all__ = ["client", "shell"]  # fixtures
MODEL = "/p/INSECTS/models/survivors/"
PLAIN = {one.library: "1.0" for one in ALGORITHMS.values() if one.library}
WITH = {**PLAIN, "onnx": "1.31.1"}


def report(**changes: Any) -> dict[str, Any]:
    told = {"engine": "onnx", "device": "AMD EPYC", "on": "cpu", "rows": 2000, "gaps": 1300,
            "difference": 3e-7, "tolerance": 1e-4, "agrees": True, "used": True,
            "why": "It says the same.", "seconds": {"own": 0.5, "engine": 0.2},
            "versions": {"onnxruntime": "1.31.1"}, "when": "2026-11-22T02:00+00:00"}  # fmt: skip
    return {**told, **changes}


@pytest.fixture
def new(project: Project, tmp_path: Path) -> Dataset:
    return passengers(project, tmp_path)


@pytest.fixture
def of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same model, as if another algorithm had learned it."""
    about = "trackside.saved_models.bundles.about"
    return lambda name: monkeypatch.setattr(about, lambda _: {"algorithm": name})


def node(name: str, found: dict[str, str], **more: Any) -> Node:
    made = lab_stage.node(name, gpus=1, **more)
    made.catalogue = {**lab_stage.CATALOGUE, "libraries": found}
    made.save()
    return made


def ended(job: Job, engine: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The end of the job, as one that compared would tell it."""
    told = {"rows": 91, "unseen": {}, "file": "output/table.parquet"}
    told |= {"facts": {"device": "AMD EPYC", "engine": engine, "parity": reports}}
    services.publish_scoring(job, Attempt(job=job, number=1, folder="jobs/none"), told)
    Job.objects.filter(pk=job.pk).update(result=told, state="succeeded")
    return told


def really_ended(recipe: services.Recipe, user: User, **facts: Any) -> Job:
    """A run whose rows are written, as if it had told these facts."""
    job = services.run_recipe(recipe, user)
    one = attempt(job)
    result = ran(job, Path(settings.TRACKSIDE_STORAGE) / one.folder)
    result["facts"] |= facts
    done(job)
    PUBLISH["score"](job, one, result)
    Job.objects.filter(pk=job.pk).update(result=result)
    return job


def file_recipe(ada: User, **more: Any) -> services.Recipe:
    given = body(settings={"output": "csv", **more})
    del given["output"]
    answer = Rest(ada).call("POST", RECIPES, given)
    assert answer.status_code == 201, answer.json()
    return services.Recipe.objects.get(name="score new")


def test_reports_stay_with_the_version_the_newest_of_each(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    page = as_ben.get(MODEL).content.decode()
    assert "No engine compared yet" in page
    assert "Not compared yet: choose it" in page
    recipe = file_recipe(ada, engine="fastest")
    first = services.run_recipe(recipe, ada)
    assert first.spec["engine"] == "fastest"
    slow = report(engine="nvforest", used=False, why="It is not faster.", seconds=None)
    ended(first, "onnx", [report(), slow])
    second = services.run_recipe(recipe, ada)
    late = report(difference=2e-7, when="2026-11-22T03:00:00+00:00")
    early = report(engine="nvforest", why="Older.", when="2026-11-21T03:00:00+00:00")
    ended(second, "onnx", [late, early])
    version = survivors.versions.get()
    assert version.parity == [{**late, "job": second.pk}, {**slow, "job": first.pk}]
    told = Rest(ada).call("GET", "/projects/INSECTS/saved-models/survivors").json()
    assert told["versions"][0]["parity"] == version.parity
    page = as_ben.get(MODEL).content.decode()
    assert "ONNX Runtime<span" in page
    assert "2.5 times<span" in page
    assert "the own library's speed, faster" in page
    assert "It is not faster." in page
    assert page.count("Not compared yet") == 1, "of Hummingbird"
    blocks = [one for each in document(opened(survivors.project, "survivors:1"))["sections"]
              for one in each["blocks"]]  # fmt: skip
    caption = "Scoring engines, compared with the model's own library"
    (table,) = [one for one in blocks if one.get("caption") == caption]
    assert [row[0] for row in table["rows"]] == ["ONNX Runtime", "nvForest"]


@pytest.mark.parametrize(
    ("changes", "agrees", "pace"),
    [
        ({"seconds": {"own": 0.4, "engine": 0.5}}, True, "slower"),
        ({"used": False}, True, "faster"),
        ({"used": False, "seconds": {"own": 0.5, "engine": 0.49}}, True, "no gain"),
        ({"used": False, "agrees": False, "seconds": None}, False, ""),
        ({"used": False, "agrees": None, "seconds": {"own": None, "engine": None}}, None, ""),
    ],
)
def test_what_agrees_says_so_whether_it_is_used_or_not(
    changes: dict[str, Any], agrees: bool | None, pace: str
) -> None:
    (line,) = engines.lines([report(**changes)])
    assert (line["agrees"], line["pace"]) == (agrees, pace)


def test_a_job_says_what_predicted_and_why(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    job = services.run_recipe(file_recipe(ada), ada)
    why = "The GPU predicts otherwise than the CPU, by up to 0.2."
    ended(job, "own", [report(engine="own", device="H100", used=False, why=why, difference=0.2)])
    for page in (f"/p/INSECTS/jobs/{job.pk}/", "/p/INSECTS/recipes/score new/"):
        html = as_ben.get(page).content.decode()
        assert "<dd>The model&#x27;s own library</dd>" in html
        assert (
            f'{why}<p class="t3 s num">H100: 2,000 rows, 1,300 missing values; largest diff' in html
        )
    scored = Rest(ada).call("GET", f"/jobs/{job.pk}").json()["scored"]
    assert (scored["engine"], scored["parity"][0]["used"]) == ("own", False)


def test_what_was_compared_before_there_were_engines_is_shown_too(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    job = services.run_recipe(file_recipe(ada), ada)
    old = {name: one for name, one in report().items() if name not in ("engine", "seconds", "when")}
    ended(job, "", old)  # type: ignore[arg-type]
    (kept,) = survivors.versions.get().parity
    assert (kept["engine"], kept["device"], kept["job"]) == ("own", "AMD EPYC", job.pk)
    for page in (f"/p/INSECTS/jobs/{job.pk}/", MODEL):
        assert "It says the same." in as_ben.get(page).content.decode()


def test_a_scored_dataset_says_what_predicted(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    really_ended(scoring(survivors, new, ada), ada, engine="onnx", parity=[report()])
    page = as_ben.get("/p/INSECTS/datasets/scored/?tab=columns").content.decode()
    assert "<dt>Predicted by</dt><dd>ONNX Runtime. It says the same.</dd>" in page


def test_where_nothing_was_compared_the_job_and_its_dataset_say_why(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    facts = {"engine": "own", "parity": [], "untried": "It has them done at once."}
    job = really_ended(scoring(survivors, new, ada), ada, **facts)
    told = "The model&#x27;s own library. It has them done at once.</dd>"
    for page in ("datasets/scored/?tab=columns", f"jobs/{job.pk}/"):
        assert told in as_ben.get(f"/p/INSECTS/{page}").content.decode()


def test_the_form_offers_what_takes_the_model(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, of: Any
) -> None:
    node("plain", WITH)
    recipe = scoring(survivors, new, ada)
    there = f"/p/INSECTS/recipes/{recipe.name}/"
    page = as_ben.get(there).content.decode()
    assert 'value="onnx" id' in page
    assert "On one that shall have it, run <code>make extras NAMES=nvforest</code>" in page
    assert page.count(" disabled") == 2, "nvForest and Hummingbird"
    assert 'data-engines="onnx nvforest hummingbird"' in as_ben.get(NEW).content.decode()
    form = {"where": "cpu", "ranks": "1", "then": "save", "set-threshold": "",
            "set-probabilities": "all", "set-explanations": "0", "set-engine": "onnx"}  # fmt: skip
    assert as_ben.post(there, form).status_code == 302
    recipe.refresh_from_db()
    assert recipe.settings["engine"] == "onnx"
    refused = as_ben.post(there, {**form, "set-engine": "nvforest"})
    assert refused.status_code == 422
    of("ridge")
    page = as_ben.get(there).content.decode()
    assert 'value="onnx"' in page
    assert 'value="nvforest"' not in page
    assert 'data-engines="onnx"' in as_ben.get(NEW).content.decode()
    of("knn")
    assert 'data-engines=""' in as_ben.get(NEW).content.decode()
    assert "set-engine" not in as_ben.get(there).content.decode()


def test_an_engine_is_refused_before_a_job_begins(
    survivors: SavedModel, new: Dataset, ada: User, of: Any
) -> None:
    node("plain", WITH)

    def refusal(engine: str) -> str:
        answer = Rest(ada).call("POST", RECIPES, body(settings={"engine": engine}))
        error = answer.json()["error"]
        assert (answer.status_code, error["field"]) == (422, "settings.engine")
        return str(error["message"])

    assert "must be one of own, fastest, onnx" in refusal("magic")
    assert "No machine has nvForest. On one that shall have it, run `make" in refusal("nvforest")
    recipe = scoring(survivors, new, ada)
    run = Rest(ada).call(
        "POST", f"{RECIPES}/{recipe.name}/run", {"settings": {"engine": "nvforest"}}
    )
    assert (run.status_code, run.json()["error"]["field"]) == (422, "settings.engine")
    of("knn")
    assert "ONNX Runtime cannot take a model of" in refusal("onnx")
    assert not Job.objects.filter(kind="score").exists()


@pytest.mark.usefixtures("shell")
def test_the_shell_names_an_engine(survivors: SavedModel, new: Dataset) -> None:
    score = ["score", "INSECTS", "--dataset", "new", "--model", "survivors", "--output", "out"]
    assert commands.main([*score, "--cpu", "1", "--engine", "onnx"]) == 0
    assert Job.objects.latest("id").spec["engine"] == "onnx"
    Job.objects.update(state="succeeded")
    again = "score new with survivors by onnx"
    assert commands.main(["run", "INSECTS", again, "--engine", "fastest"]) == 0
    assert Job.objects.latest("id").spec["engine"] == "fastest"


def queued(project: Project, user: User, engine: str, compute: dict[str, Any], **more: Any) -> Job:
    spec = {"task": "two_class", "algorithm": "xgboost", "bundle": "models/1", "engine": engine}
    made = jobs.submit(
        project=project, user=user, kind="score", title="t", spec={**spec, **more}, compute=compute
    )
    made.refresh_from_db()
    return made


def test_a_job_goes_where_the_library_of_its_engine_is(project: Project, ada: User) -> None:
    node("a-plain", PLAIN)

    def machine(job: Job) -> str:
        return Attempt.objects.get(job=job).node.name

    assert machine(queued(project, ada, "fastest", {"kind": "cpu"})) == "a-plain"
    rich = node("rich", WITH)
    assert machine(queued(project, ada, "onnx", {"kind": "cpu"})) == "rich"
    rich.catalogue["gpu_builds"] = ["onnx"]
    rich.save()
    chosen = {"kind": "gpus", "uuids": ["GPU-a-plain-0"]}
    with pytest.raises(jobs.BadCompute, match="a-plain has no ONNX Runtime"):
        queued(project, ada, "onnx", chosen)
    forest = {"algorithm": "random_forest"}
    waits = queued(project, ada, "fastest", {"kind": "any", "count": 1}, **forest)
    assert machine(waits) == "rich", "a forest's own library has no GPU; ONNX Runtime has"
    with pytest.raises(jobs.BadCompute, match="Random forest predicts on the CPU alone"):
        placed({"task": "two_class", "bundle": "x", **forest}, {"kind": "any"}, "score")


def test_no_gpu_is_taken_for_engines_that_no_machine_has(project: Project, ada: User) -> None:
    node("plain", PLAIN)
    with pytest.raises(jobs.BadCompute, match="No machine has ONNX Runtime"):
        queued(project, ada, "fastest", {"kind": "any"}, algorithm="random_forest")


@pytest.mark.parametrize(("kind", "goes"), [("score", True), ("evaluate", True), ("train", False)])
def test_what_plain_arithmetic_predicts_needs_no_library_there(
    kind: str, goes: bool, project: Project, ada: User
) -> None:
    node("plain", {name: one for name, one in PLAIN.items() if name != "keras"})
    spec = {"task": "two_class", "algorithm": "keras"}
    spec |= {} if kind == "train" else {"bundle": "m/1"}
    cpu = {"kind": "cpu"}
    job = jobs.submit(project=project, user=ada, kind=kind, title="t", spec=spec, compute=cpu)
    assert Attempt.objects.filter(job=job, node__name="plain").exists() is goes
