"""Champion and challengers: tables and pictures, what can be compared, whose rows, whose right."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage, trained_tables
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.api.schemas import check
from trackside.api.table_models import COMPARISON
from trackside.jobs.models import Job
from trackside.lab import comparison, comparison_design, comparison_paired, services
from trackside.lab.entrants import champion, chosen
from trackside.lab.models import Analysis, TrainedModel
from trackside.lab.trouble import Refused
from trackside.projects.models import Project
from trackside.saved_models import services as saved_models
from trackside.saved_models.models import Version

PAGE = "/p/INSECTS/comparison/"


@pytest.fixture
def pictures(project: Project, ada: User) -> list[TrainedModel]:
    """Two models of pictures; the second one knows the bees less well."""
    lab_stage.node("gpu-01", 1)
    analysis = lab_stage.analysis(project, ada)
    found = []
    for name in ("First", "Second"):
        session = services.train(analysis, ada, {"kind": "cpu", "ranks": 2}, name)
        model = lab_stage.trained(session)
        about = {"task": "image_classification", "classes": ["ants", "bees"], "fingerprint": "f"}
        place = Path(settings.TRACKSIDE_STORAGE) / model.bundle
        (place / "model.json").write_text(json.dumps({**about, "params": {}, "metric": "accuracy"}))
        found.append(model)
    TrainedModel.objects.filter(pk=found[1].pk).update(metrics={"accuracy": 0.9, "f1": 0.9})
    return found


def again(model: TrainedModel, **told: Any) -> TrainedModel:
    """The same model once more, in the same session, whose bundle says these things."""
    source = Path(settings.TRACKSIDE_STORAGE) / model.bundle
    made = TrainedModel.objects.get(pk=model.pk)
    made.pk, made.job = None, None
    made.bundle, made.label = f"{model.bundle}-again", "XGBoost again"
    place = Path(settings.TRACKSIDE_STORAGE) / made.bundle
    shutil.copytree(source, place)
    about = json.loads((place / "model.json").read_text()) | told
    (place / "model.json").write_text(json.dumps(about))
    made.save()
    return made


def version(model: TrainedModel, *, active: bool) -> Version:
    analysis = model.session.analysis
    saved = analysis.project.saved_models.filter(name="keeper").first()
    saved = saved or saved_models.create(analysis.project, None, "keeper", analysis.task)
    done = saved_models.Trained(
        bundle=model.bundle, metric=model.metric, metrics=model.metrics, facts=model.facts,
        trained_model_id=model.pk,
    )  # fmt: skip
    return saved_models.publish_version(saved, done, user=None, active=active)


def said(browser: Client, *keys: object, more: str = "") -> str:
    answer = browser.get(PAGE + "?" + "&".join(f"of={key}" for key in keys) + more)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize("task", ["two_class", "regression"])
def test_models_of_tables_stand_side_by_side(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_cleo: Client
) -> None:
    one = trained_tables.placed(project, ada, learned[task])
    two = again(one, params={"rounds": 7})
    html = said(as_cleo, one.pk, two.pk)
    parts = {"two_class": ("ROC curve", "Calibration curve", "Cumulative gain", "Confusion"),
             "regression": ("Residuals", "Error by decile")}[task]  # fmt: skip
    for part in ("Metrics", "Feature importance", "Loss", "Training", "rows judged each", *parts):
        assert part in html, part
    assert "None" not in html.replace("compare</span>", "")
    assert "is no fair comparison" not in html


def test_pictures_are_compared_as_tables_are(pictures: list[TrainedModel], as_cleo: Client) -> None:
    html = said(as_cleo, *(one.pk for one in pictures))
    for part in (
        "44 pictures judged each model",
        "ROC curve, ants",
        "Confusion matrices",
        "By class",
    ):
        assert part in html, part
    assert "stays ahead" in html
    assert "\u22123.2 points" in html
    assert "smaller is better" in html
    assert "Curves of the class" in html
    assert "ROC curve, bees" in said(as_cleo, *(one.pk for one in pictures), more="&class=bees")


@pytest.mark.parametrize(
    ("shared", "better", "sure", "says"),
    [
        ((-0.04, -0.06, -0.02), False, True, "stays ahead: no challenger has a better"),
        ((0.04, 0.02, 0.06), True, True, "+4.0 points on the rows that judged both. That is more"),
        ((0.04, -0.01, 0.06), True, False, "That may be chance"),
        ((0.01, -0.06, -0.02), True, False, "That may be chance"),
    ],
)
def test_the_rows_that_judged_both_say_who_is_better(
    shared: tuple[float, float, float], better: bool, sure: bool, says: str,
    pictures: list[TrainedModel], project: Project,
) -> None:  # fmt: skip
    """Its own rows say that the second model is better; the shared ones may not."""
    TrainedModel.objects.filter(pk=pictures[1].pk).update(metrics={"accuracy": 0.99, "f1": 0.99})
    found = chosen(project, [str(one.pk) for one in pictures])
    figures = dict(zip(("difference", "low", "high"), shared, strict=True))
    pairs = {found[1].key: {"metrics": {"accuracy": figures}}}
    lines = comparison.figures(found, found[0], pairs)
    cell = next(one for one in lines if one["card"].name == "accuracy")["cells"][1]
    assert (cell["better"], cell["sure"], cell["on_shared"]) == (better, sure, True)
    assert says in comparison.verdict(found, found[0], lines, None)


def test_the_active_version_is_the_champion_unless_another_is_chosen(
    pictures: list[TrainedModel], project: Project
) -> None:
    first, second = pictures
    version(first, active=True)
    version(second, active=True)
    found = chosen(project, ["keeper:1", "keeper:2"])
    assert champion(found, "").key == "keeper:2"
    assert champion(found, "keeper:1").key == "keeper:1"
    behind = chosen(project, [str(first.pk), str(second.pk)])
    assert champion(behind, "").key == str(second.pk)


def test_making_a_challenger_the_champion_is_an_editors_act_and_comes_back(
    pictures: list[TrainedModel], as_ben: Client, as_cleo: Client, ben: User
) -> None:
    for one in pictures:
        version(one, active=True)
    here = PAGE + "?of=keeper%3A1&of=keeper%3A2"
    assert "Make champion" not in as_cleo.get(here).content.decode()
    assert "Make champion" in as_ben.get(here).content.decode()
    place = "/p/INSECTS/models/keeper/versions/1/activate/"
    assert as_cleo.post(place, {"next": here}).status_code == 403
    assert as_ben.post(place, {"next": here})["Location"] == here
    assert (
        as_ben.post(place, {"next": "https://evil.example/"})["Location"]
        == "/p/INSECTS/models/keeper/"
    )
    assert Version.objects.get(active=True).number == 1


def test_what_cannot_be_compared_is_said_in_a_sentence(
    pictures: list[TrainedModel], learned: dict[str, Path], project: Project, ada: User,
    as_cleo: Client,
) -> None:  # fmt: skip
    table = trained_tables.placed(project, ada, learned["two_class"])
    assert "have other figures" in said(as_cleo, pictures[0].pk, table.pk)
    other = again(table)
    analysis = Analysis.objects.get(pk=table.session.analysis_id)
    session = other.session
    analysis.pk, analysis.name, analysis.target = None, "other target", "alone"
    analysis.save()
    session.pk, session.analysis, session.click_id = None, analysis, "other"
    session.save()
    TrainedModel.objects.filter(pk=other.pk).update(session=session)
    assert "one predicts survived, the other one alone" in said(as_cleo, table.pk, other.pk)
    report = Path(settings.TRACKSIDE_STORAGE) / pictures[1].bundle / "report.json"
    report.write_text(json.dumps({**lab_stage.report(), "classes": ["ants", "wasps"]}))
    assert "their classes differ (bees, wasps)" in said(as_cleo, *(one.pk for one in pictures))
    report.write_text("{")
    assert "cannot be read" in said(as_cleo, *(one.pk for one in pictures))
    assert "Choose 2 to 8 models" in said(as_cleo)
    assert "Add a challenger" in said(as_cleo, pictures[0].pk)
    with pytest.raises(Refused, match="9 are chosen"):
        chosen(project, [str(n) for n in range(9)])


def test_models_of_another_project_are_not_there(
    pictures: list[TrainedModel], as_dan: Client, as_cleo: Client, ada: User
) -> None:
    assert as_dan.get(f"{PAGE}?of={pictures[0].pk}").status_code == 404
    for wrong in ("999", "x", "keeper:1", "keeper:x", ":", "\u0663:\u0663"):
        assert as_cleo.get(PAGE, {"of": [str(pictures[0].pk), wrong]}).status_code == 404, wrong


def test_other_rows_are_said_to_be_others(
    learned: dict[str, Path], project: Project, ada: User, as_cleo: Client
) -> None:
    one = trained_tables.placed(project, ada, learned["two_class"])
    split = dict(one.job.spec.get("split") or {}) if one.job else {}
    two = again(one, split={**split, "seed": 99})
    assert "split otherwise than the champion" in said(as_cleo, one.pk, two.pk)
    found = chosen(project, [str(one.pk), str(two.pk)])
    assert (comparison.same_test(found), comparison.same_test(found[:1])) == (False, True)
    drawn = instead(one, judged="others").pk
    assert "split otherwise than the champion" in said(as_cleo, one.pk, drawn)
    html = said(as_cleo, one.pk, instead(one, fingerprint="other").pk)
    assert "Judged on other data than the champion" in html
    assert "Is it more than chance?" not in html
    html = said(as_cleo, one.pk, instead(one, too_good="Version 1 had learned.").pk)
    assert html.count("learned from rows that judge") == html.count("by rows new to them") == 1


def instead(one: TrainedModel, **changes: str) -> TrainedModel:  # of the one before
    TrainedModel.objects.filter(label="XGBoost again").delete()
    shutil.rmtree(Path(settings.TRACKSIDE_STORAGE) / f"{one.bundle}-again", ignore_errors=True)
    return again(one, **changes)


def test_only_what_differs_of_the_designs_is_shown(
    learned: dict[str, Path], project: Project, ada: User
) -> None:
    one = trained_tables.placed(project, ada, learned["two_class"])
    features = json.loads(
        (Path(settings.TRACKSIDE_STORAGE) / one.bundle / "model.json").read_text()
    )["features"]
    changed = {**features, "age": {**features["age"], "role": "ignore"}}
    two = again(one, features=changed)
    found = chosen(project, [str(one.pk), str(two.pk)])
    told = {
        (section["title"], line["name"]): line["cells"]
        for section in comparison_design.differences(found)
        for line in section["lines"]
    }
    assert set(told) == {("Features", "age")}
    assert told["Features", "age"][1] == "left out"
    assert not comparison_design.differences([found[0], found[0]])


def test_a_job_tells_chance_from_difference_and_its_answer_stays(
    learned: dict[str, Path], project: Project, ada: User, as_ben: Client, as_cleo: Client,
    tmp_path: Path,
) -> None:  # fmt: skip
    lab_stage.node("gpu-01", 1)
    one = trained_tables.placed(project, ada, learned["two_class"])
    two = again(one)
    asked = {"of": [str(one.pk), str(two.pk)], "champion": str(one.pk)}
    assert as_cleo.post(f"{PAGE}judge/", asked).status_code == 403
    answer = as_ben.post(f"{PAGE}judge/", asked)
    assert answer.status_code == 302
    as_ben.post(f"{PAGE}judge/", asked)
    job = Job.objects.get(kind="compare")
    waiting = as_cleo.get(answer["Location"]).content.decode()
    assert f'data-waits="{job.pk}"' in waiting
    assert as_cleo.get(f"/p/INSECTS/analyses/jobs/{job.pk}/").json()["over"] is False
    done = trained_tables.ran(job, tmp_path / "compare")
    Job.objects.filter(pk=job.pk).update(state="succeeded", result=done)
    html = said(as_cleo, one.pk, two.pk)
    assert "judged every model, counted one by one" in html
    assert "may be chance" in html
    turned = said(as_cleo, two.pk, one.pk, more=f"&champion={one.pk}")
    assert "counted one by one" in turned
    job.refresh_from_db()
    found = chosen(project, asked["of"])
    pairs = comparison_paired.pairs(job, found)
    assert pairs[str(two.pk)]["metrics"]["roc_auc"]["difference"] == 0
    assert comparison.same_rows(found, found[0], pairs)["same"] is True


def test_rest_compares_and_starts_the_job(
    pictures: list[TrainedModel], ada: User, cleo: User
) -> None:
    version(pictures[0], active=True)
    place = "/projects/INSECTS/comparison"
    other = str(pictures[1].pk)
    told = Rest(cleo).call("GET", f"{place}?of=keeper:1&of={other}").json()
    assert (told["champion"], told["same_rows"], told["job"]) == ("keeper:1", True, None)
    check(told, COMPARISON)
    lines = {one["name"]: one for one in told["metrics"]}
    assert lines["accuracy"]["values"][other]["better"] is False
    assert not lines["log_loss"]["higher_is_better"]
    assert told["confusion"][other] == [[20, 2], [1, 21]]
    refused = Rest(cleo).call("GET", f"{place}?of=keeper:1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "refused")
    body = {"of": ["keeper:1", other]}
    assert Rest(cleo).call("POST", place, body).status_code == 403
    job = Rest(ada).call("POST", place, body)
    assert (job.status_code, job.json()["kind"]) == (202, "compare")
    assert (
        Rest(cleo).call("GET", f"{place}?of=keeper:1&of={other}").json()["job"] == job.json()["id"]
    )


def test_models_of_one_name_are_told_apart_by_their_sessions(
    project: Project, pictures: list[TrainedModel]
) -> None:
    found = chosen(project, [str(one.pk) for one in pictures])
    label = pictures[0].label
    assert [one.title for one in found] == [f"{label} (First)", f"{label} (Second)"]
