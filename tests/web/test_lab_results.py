"""The training page and the results: the report's figures, and that every page renders."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web import lab_stage
from trackside.jobs.models import Job
from trackside.lab import quick, reports, services
from trackside.lab.models import Analysis, Session, TrainedModel

pytestmark = pytest.mark.django_db
CPU = {"kind": "cpu", "ranks": 2}
TABS = (
    "summary", "training", "curves", "metrics", "confusion", "roc", "mistakes", "heat", "whatif",
)  # fmt: skip


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    lab_stage.node("gpu-01", 1)
    return lab_stage.analysis(project, ada)


@pytest.fixture
def session(analysis: Analysis, ada: Any) -> Session:
    return services.train(analysis, ada, CPU, "First")


@pytest.fixture
def model(session: Session) -> TrainedModel:
    return lab_stage.trained(session)


def test_a_confusion_matrix_counts_and_shares() -> None:
    report = lab_stage.report()
    texts = {
        mode: [[cell["text"] for cell in row["cells"]] for row in reports.confusion(report, mode)]
        for mode in ("count", "row", "column")
    }
    assert texts["count"] == [["20", "2"], ["1", "21"]]
    assert texts["row"] == [["90.9 %", "9.1 %"], ["4.5 %", "95.5 %"]]
    assert texts["column"] == [["95.2 %", "8.7 %"], ["4.8 %", "91.3 %"]]
    assert "41 of 44 pictures are right (93.2 %)" in reports.summary(report)
    assert reports.confused(report)[0] == {"true": "ants", "predicted": "bees", "count": 2}


def test_a_session_that_waits_is_not_said_to_train(session: Session, client: Any, ada: Any) -> None:
    client.force_login(ada)
    address = f"/p/{session.analysis.project.key}/lab/{session.analysis.name}/results/"

    def said() -> str:
        page: str = client.get(address).content.decode()
        return page.partition('<h2 class="lbl">Sessions</h2>')[2].partition("</nav>")[0]

    Job.objects.update(state="queued")
    assert ">queued</span>" in said()
    Job.objects.update(paused=True)
    assert ">paused</span>" in said()
    Job.objects.update(state="running", paused=False)
    assert ">training</span>" in said()


def test_curves_stay_inside_their_frame() -> None:
    drawn = reports.curve(lab_stage.report(), "roc")
    assert [one["name"] for one in drawn["lines"]] == ["ants", "bees"]
    numbers = [float(n) for n in drawn["lines"][0]["path"][1:].replace("L", " ").split()]
    assert all(drawn["left"] <= x <= drawn["right"] for x in numbers[::2])
    assert all(drawn["top"] <= y <= drawn["bottom"] for y in numbers[1::2])


def test_the_pictures_behind_a_cell_are_those_that_were_confused(tmp_path: Path) -> None:
    lab_stage.write_bundle(tmp_path / "b")
    assert [one["number"] for one in reports.cell(tmp_path / "b", "ants", "bees")] == [2]
    assert not reports.cell(tmp_path / "none", "ants", "bees")


def test_a_torn_report_is_said_and_not_shown(model: TrainedModel, as_ada: Any, stage: Path) -> None:
    (stage / model.bundle / "report.json").write_text("{")
    answer = as_ada.get(f"/p/INSECTS/trained-models/{model.pk}/confusion/")
    assert answer.status_code == 200
    assert b"cannot be read" in answer.content


@pytest.mark.parametrize("tab", TABS)
def test_every_page_of_a_model_renders(
    tab: str, model: TrainedModel, as_ada: Any, as_cleo: Any, as_dan: Any
) -> None:
    url = f"/p/INSECTS/trained-models/{model.pk}/{tab}/"
    assert as_ada.get(url).status_code == 200
    assert as_cleo.get(url).status_code == 200
    assert as_dan.get(url).status_code == 404


def test_a_cell_of_the_matrix_opens_its_pictures(model: TrainedModel, as_cleo: Any) -> None:
    url = f"/p/INSECTS/trained-models/{model.pk}/cell/?true=ants&predicted=bees"
    html = as_cleo.get(url).content.decode()
    assert "1 picture of ants predicted as bees" in html
    assert "/datasets/insects/images/2/thumb/" in html


def test_publishing_fills_the_model_and_keeps_the_measurement(model: TrainedModel) -> None:
    assert model.score == 0.932
    assert model.bundle == f"models/job-{model.job_id}"
    assert model.facts["best_epoch"] == 3


def test_a_running_session_shows_its_job_and_everything_told_so_far(
    session: Session, as_cleo: Any, as_ada: Any
) -> None:
    job = Job.objects.get()
    lab_stage.tell(job.pk, "started", device="CPU", ranks=2, threads=1, precision="fp32")
    lab_stage.tell(job.pk, "step", epoch=0.5, step=3, loss=0.7, lr=1e-3, rate=100.0, wait=3)
    lab_stage.tell(
        job.pk, "epoch", epoch=1, train_loss=0.6, val_loss=0.5, metrics={"accuracy": 0.9},
        best=True, seconds=2,
    )  # fmt: skip
    lab_stage.tell(job.pk, "log", level="warning", text="One picture is odd.")
    url = f"/p/INSECTS/lab/insect sorter/sessions/{session.number}/"
    html = as_ada.get(url).content.decode()
    assert "Finish early" in html
    page = json.loads(html.split('id="training" type="application/json">')[1].split("<")[0])
    one = page["models"][0]
    assert one["series"]["seq"] == one["job"]["seq"] == Job.objects.get().event_seq
    assert one["series"]["epochs"]["metrics"]["accuracy"] == [0.9]
    assert one["story"][-1]["data"]["text"] == "One picture is odd."
    assert "Finish early" not in as_cleo.get(url).content.decode()


def test_cancelling_ends_every_job_of_the_session(session: Session, as_ada: Any) -> None:
    url = f"/p/INSECTS/lab/insect sorter/sessions/{session.number}/"
    assert as_ada.post(f"{url}stop/", {"how": "nicely"}).status_code == 422
    assert as_ada.post(f"{url}stop/", {"how": "cancel"}).status_code == 302
    assert Job.objects.get().state == "cancelled"
    html = as_ada.get(url).content.decode()
    assert "Cancelled by Ada before it began." in html
    assert "no process was started" in html


def test_a_failed_job_shows_its_sentence_and_its_log(session: Session, as_ada: Any) -> None:
    job = Job.objects.get()
    Job.objects.filter(pk=job.pk).update(state="failed", reason="The weights are missing: do this.")
    html = as_ada.get(f"/p/INSECTS/lab/insect sorter/sessions/{session.number}/").content.decode()
    assert "The weights are missing: do this." in html
    assert f"/jobs/{job.pk}/log" in html


def test_results_compare_sessions_and_stars_stay(
    model: TrainedModel, analysis: Analysis, ada: Any, as_ada: Any, as_cleo: Any
) -> None:
    services.train(analysis, ada, CPU, "Second")
    base = "/p/INSECTS/lab/insect sorter/"
    html = as_ada.get(f"{base}results/?sort=log_loss").content.decode()
    assert "93.2 %" in html
    assert "Second" in html
    for other in ("2", "9" * 5_000):
        assert as_ada.get(f"{base}sessions/1/?with={other}").status_code == 200
    star = f"/p/INSECTS/trained-models/{model.pk}/star/"
    assert as_cleo.post(star, {"on": "1"}).status_code == 403
    assert as_ada.post(star, {"on": "1"}).status_code == 302
    model.refresh_from_db()
    assert model.starred


def test_deleting_says_what_is_in_the_way(
    session: Session, as_ada: Any, ada: Any, stage: Path
) -> None:
    with pytest.raises(services.Refused, match="still training"):
        services.delete_session(session, ada)
    model = lab_stage.trained(session)
    answer = as_ada.post("/p/INSECTS/lab/insect sorter/sessions/1/delete/")
    assert answer.status_code == 302
    assert not TrainedModel.objects.exists()
    assert not Session.objects.exists()
    assert model.bundle


def test_a_preview_is_a_small_job_on_the_pictures_of_the_form(
    analysis: Analysis, as_ada: Any, as_dan: Any
) -> None:
    sent = {**analysis.design["augmentation"], "preview_seed": "3"}
    answer = as_ada.post("/p/INSECTS/lab/insect sorter/preview/", sent)
    assert answer.status_code == 201
    job = Job.objects.get(pk=answer.json()["job"])
    assert job.kind == "preview"
    assert len(job.spec["numbers"]) == quick.ROWS
    wrong = as_ada.post("/p/INSECTS/lab/insect sorter/preview/", {**sent, "rotation": "999"})
    assert wrong.status_code == 422
    assert "'Rotation' must lie between" in wrong.json()["error"]["message"]
    url = f"/p/INSECTS/analyses/jobs/{job.pk}/"
    assert as_ada.get(url).json()["over"] is False
    assert as_dan.get(url).status_code == 404


def test_the_pictures_of_a_quick_job_stay_in_its_folder(
    analysis: Analysis, ada: Any, as_ada: Any, stage: Path
) -> None:
    job = quick.preview(analysis, ada, analysis.design["augmentation"], 7)
    home = stage / "jobs" / str(job.pk) / "a1"
    (home / "output").mkdir(parents=True)
    (home / "output" / "0.png").write_bytes(b"png")
    (home / "job.json").write_text("{}")
    job.attempts.update(folder=f"jobs/{job.pk}/a1")
    base = f"/p/INSECTS/analyses/jobs/{job.pk}/"
    answer = as_ada.get(f"{base}0.png")
    assert b"".join(answer.streaming_content) == b"png"
    for name in ("../job.json", "x.png", "%2e%2e/job.json"):
        assert as_ada.get(base + name).status_code == 404


def test_what_if_takes_one_image_and_says_what_is_wrong(
    model: TrainedModel, as_ada: Any, as_cleo: Any
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    url = f"/p/INSECTS/trained-models/{model.pk}/explain/"
    heat = url.replace("explain", "heat")
    assert as_cleo.get(heat, {"number": ["2", "9" * 5_000]}).status_code == 200
    assert as_cleo.post(url).status_code == 403
    assert as_ada.post(url).status_code == 409
    empty = as_ada.post(url, {"image": SimpleUploadedFile("a.jpg", b"")})
    assert empty.status_code in (409, 422)
    answer = as_ada.post(url, {"image": SimpleUploadedFile("a.jpg", b"bytes")})
    assert answer.status_code == 201
    spec = Job.objects.get(pk=answer.json()["job"]).spec
    assert Path(spec["images"][0]["file"]).read_bytes() == b"bytes"
    by_number = as_ada.post(url, {"number": ["2", "3", "9" * 5_000]})
    spec = Job.objects.get(pk=by_number.json()["job"]).spec
    assert [one["number"] for one in spec["images"]] == [2, 3]
