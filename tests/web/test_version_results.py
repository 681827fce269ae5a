"""The results of a version that was trained again in the Flow: those of a model in the Lab."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web import trained_tables
from tests.web.test_table_explaining import LONG, answered, words
from tests.web.test_table_results import TABLE_TASKS, TABS, report_of
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.lab import entrants, explaining
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models import services
from trackside.saved_models.models import Version

MORE = {"effects", "subpopulations", "individual", "whatif"}  # that test_table_results leaves out
ASK = "/projects/INSECTS/saved-models/survivor/versions/1/explain"


def again(model: TrainedModel, ada: User, **facts: Any) -> Version:
    """A version as a training in the Flow leaves it: no model in the Lab stands behind it."""
    project, task = model.session.analysis.project, model.session.analysis.task
    saved = services.create(project, ada, "survivor", task)
    done = services.Trained(
        bundle=model.bundle, metric=model.metric, metrics=model.metrics,
        facts={**model.facts, **facts}, job=model.job,
    )  # fmt: skip
    return services.publish_version(saved, done, user=ada, active=True)


@pytest.fixture
def version(two: TrainedModel, ada: User) -> Version:
    made = again(two, ada)
    two.session.analysis.delete()
    return made


def place(rest: str = "") -> str:
    return f"/p/INSECTS/models/survivor/versions/1/results/{rest}"


def text(browser: Client, rest: str = "", status: int = 200) -> str:
    answer = browser.get(place(rest))
    assert answer.status_code == status, rest
    return str(answer.content.decode())


def shown(html: str, there: str) -> str:
    """The tab itself, whosever it is."""
    found = html.partition('<div class="page">')[2].partition("</span></div>\n")[2]
    found = found.partition("</main>")[0].replace(there, "HERE/")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", found)


@pytest.mark.parametrize("task", TABLE_TASKS)
def test_each_tab_of_a_version_is_that_of_the_model_in_the_lab(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    again(model, ada)
    there = f"/p/INSECTS/trained-models/{model.pk}/"
    summary = text(as_ada)
    offered = set(re.findall(r'versions/1/results/(\w+)/["?]', summary))
    assert TABS[task] | MORE <= offered
    for tab in offered - {"confusion"}:
        of_lab = as_ada.get(f"{there}{tab}/").content.decode()
        assert shown(text(as_ada, f"{tab}/"), place()) == shown(of_lab, there) != "", tab
    wrong = next(iter((TABS["two_class"] | TABS["regression"]) - TABS[task]))
    assert "Not for this model" in text(as_ada, f"{wrong}/")
    text(as_ada, "heat/", status=404)


def test_a_version_is_shown_at_its_threshold_which_stays(
    two: TrainedModel, ada: User, as_ada: Client
) -> None:
    again(two, ada, threshold=0.7)
    row = next(one for one in report_of(two)["thresholds"] if one["threshold"] == 0.7)
    said = text(as_ada, "confusion/")
    assert 'value="0.70"' in said
    assert f'data-cell="11">{row["tp"]}<' in said
    assert "this version scores with 0.70" in said
    assert "data-keep" not in said
    assert "/threshold/" not in said
    assert as_ada.post(place("threshold/"), {"threshold": "0.5"}).status_code == 405
    other = next(one for one in report_of(two)["thresholds"] if one["threshold"] == 0.2)
    assert f'data-cell="11">{other["tp"]}<' in text(as_ada, "confusion/?threshold=0.2")


def test_it_says_which_version_it_is_and_leads_to_the_others(
    version: Version, ada: User, as_cleo: Client
) -> None:
    done = services.Trained(bundle=version.bundle, metric="roc_auc", metrics={"roc_auc": 0.5})
    services.publish_version(version.saved_model, done, user=ada, active=False)
    said = text(as_cleo, "metrics/")
    assert "survivor, version 1</h2>" in said
    assert 'p--ac"><svg' in said.partition("version 1</h2>")[2][:40]
    assert 'href="/p/INSECTS/models/survivor/versions/2/results/metrics/"' in said
    assert 'href="/p/INSECTS/models/survivor/"' in said
    assert "Deploy to Flow" not in said
    second = as_cleo.get("/p/INSECTS/models/survivor/versions/2/results/").content.decode()
    assert 'p--ac"><svg' not in second.partition("version 2</h2>")[2][:40]
    versions = as_cleo.get("/p/INSECTS/models/survivor/").content.decode()
    assert f'href="{place()}">Results</a>' in versions
    assert "in the Lab</a>" not in versions


def test_of_many_versions_the_newest_the_active_and_this_one_stand_beside_it(
    version: Version, ada: User, as_cleo: Client
) -> None:
    done = services.Trained(bundle=version.bundle, metric="roc_auc", metrics={"roc_auc": 0.5})
    for _ in range(11):
        services.publish_version(version.saved_model, done, user=ada, active=False)
    said = as_cleo.get("/p/INSECTS/models/survivor/versions/3/results/").content.decode()
    beside = re.findall(r'versions/(\d+)/results/summary/"[^>]*><b', said)
    assert beside == ["12", "11", "10", "9", "8", "7", "6", "5", "3", "1"]


def test_figures_that_may_be_too_good_are_said_to_be(version: Version, as_cleo: Client) -> None:
    path = Path(settings.TRACKSIDE_STORAGE) / version.bundle / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"too_good": "It knew the rows."}))
    assert "It knew the rows." in text(as_cleo, "roc/")


def test_versions_of_a_model_in_the_lab_lead_there_too_while_it_is_there(
    two: TrainedModel, ada: User, as_cleo: Client
) -> None:
    version = again(two, ada)
    Version.objects.update(trained_model=two)
    page = f"/p/INSECTS/models/{version.saved_model}/"
    said = as_cleo.get(page).content.decode()
    assert f'href="/p/INSECTS/trained-models/{two.pk}/">in the Lab</a>' in said
    assert f'href="{place()}">Results</a>' in said
    two.session.analysis.delete()
    said = as_cleo.get(page).content.decode()
    assert "in the Lab</a>" not in said
    assert f'href="{place()}">Results</a>' in said
    assert "rows are right" in text(as_cleo)


def test_a_version_and_its_model_in_the_lab_answer_at_their_own_threshold(
    two: TrainedModel, ada: User
) -> None:
    one = entrants.of_version(again(two, ada))
    subjects = [replace(one, threshold=at) for at in (0.7, 0.2, None)]
    jobs = [explaining.ask_rows(each, ada, [1]) for each in subjects]
    for each, job in zip(subjects, jobs, strict=True):
        assert explaining.asked_of(each) == [job]
        found = [explaining.answered(each, ada, str(other.pk), "rows") for other in jobs]
        assert [one for one in found if one] == [job]


def test_a_version_was_trained_when_its_model_was(two: TrainedModel, ada: User) -> None:
    version = again(two, ada)
    two.published_at = datetime(2026, 3, 1, tzinfo=UTC)
    version.trained_model = two
    assert entrants.of_version(version).at == two.published_at


QUESTIONS = (
    ("row", {"row": "3"}, "individual", "Row 3"),
    ("groups", {"column": "age"}, "subpopulations", "All judged rows"),
    ("whatif", {}, "whatif", "Predicted survived"),
)


@pytest.mark.parametrize(("what", "form", "tab", "says"), QUESTIONS)
def test_a_question_about_a_version_is_answered(
    what: str, form: Any, tab: str, says: str, version: Version, as_ada: Client, as_cleo: Client,
    tmp_path: Path,
) -> None:  # fmt: skip
    Version.objects.update(facts={**version.facts, "threshold": 0.7})
    action = place(f"explain/{what}/")
    assert action in text(as_ada, f"{tab}/")
    assert as_cleo.post(action, form).status_code == 403
    answer = as_ada.post(action, form)
    job = Job.objects.get(kind="explain")
    assert answer["Location"] == f"{place(tab)}/?job={job.pk}#answer"
    assert job.spec["threshold"] == 0.7
    assert job.spec["bundle"] == str(Path(settings.TRACKSIDE_STORAGE) / version.bundle)
    assert f'data-waits="{job.pk}"' in text(as_ada, f"{tab}/?job={job.pk}")
    answered(job, tmp_path / "job")
    said = text(as_cleo, f"{tab}/?job={job.pk}")
    assert says in words(said)
    assert "None" not in words(said)


def test_what_cannot_be_asked_is_said(version: Version, as_ada: Client) -> None:
    for what, form, sentence in (
        ("row", {"row": "none"}, "is no row"),
        ("groups", {"column": "nothing"}, "no column"),
    ):
        answer = as_ada.post(place(f"explain/{what}/"), form, follow=True)
        assert answer.redirect_chain[0][0].startswith(place())
        assert sentence in words(answer.content.decode())
    form = text(as_ada, "whatif/")
    age = re.search(r'for="(c\d+)" title="age"', form)
    assert age is not None
    wrong = as_ada.post(place("explain/whatif/"), {age[1]: "old"})
    assert wrong.status_code == 422
    assert "survivor, version 1</h2>" in wrong.content.decode()
    assert "takes a number, not" in words(wrong.content.decode())
    assert not Job.objects.filter(kind="explain").exists()


def test_rest_asks_about_a_version_and_reads(
    version: Version, ada: User, dan: User, tmp_path: Path
) -> None:
    rest = Rest(ada)
    bodies = ({"numbers": [0, 4]}, {"column": "sex"}, {"row": {"age": 3}, "number": 1})
    for step, body in enumerate(bodies):
        answer = rest.call("POST", ASK, body)
        assert answer.status_code == 201, answer.content
        job = answered(Job.objects.get(pk=answer.json()["job"]), tmp_path / str(step))
        (told,) = rest.call("GET", f"{ASK}?job={job.pk}").json()["explanations"]
        assert told["answer"]["items"]
    every = rest.call("GET", ASK).json()["explanations"]
    assert [one["ask"] for one in every] == ["whatif", "subpopulations", "rows"]
    assert rest.call("GET", f"{ASK}?job={LONG}").status_code == 422
    assert rest.call("POST", ASK, {}).status_code == 422
    assert rest.call("POST", ASK.replace("/1/", "/2/"), bodies[0]).status_code == 404
    assert Rest(dan).call("GET", ASK).status_code == 404


def test_without_its_dataset_a_version_shows_what_its_bundle_knows(
    version: Version, ada: User, as_ada: Client
) -> None:
    Dataset.objects.update(fingerprint="another")
    for tab in re.findall(r'versions/1/results/(\w+)/["?]', text(as_ada)):
        said = text(as_ada, f"{tab}/")
        assert "what needs its rows is left out" in said, tab
        assert "explain/row/" not in said, tab
        assert "explain/groups/" not in said, tab
    assert "Ask the model" in text(as_ada, "whatif/")
    answer = Rest(ada).call("POST", ASK, {"numbers": [1]})
    assert answer.status_code == 409
    assert "is no longer in the project as it was" in answer.json()["error"]["message"]
    assert Rest(ada).call("POST", ASK, {"row": {"age": 3}}).status_code == 201


def test_of_equal_datasets_that_of_the_training_is_the_one(
    version: Version, project: Project, ada: User, as_ada: Client
) -> None:
    own = Dataset.objects.get()
    assert version.job is not None
    version.job.spec["dataset"]["name"] = "the rows"
    version.job.save()
    for name in ("a copy", "the rows"):
        Dataset.objects.create(
            project=project, name=name, kind="table", fingerprint=own.fingerprint, created_by=ada
        )
    own.delete()
    assert ">the rows</a>" in text(as_ada)


def test_a_bundle_that_is_gone_is_said(version: Version, as_ada: Client) -> None:
    (Path(settings.TRACKSIDE_STORAGE) / version.bundle / "report.json").unlink()
    assert "cannot be read" in text(as_ada, "confusion/")
