"""Datasets: upload, what the intake found, keep, delete, and the bytes behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.datasets import intake, queries, services
from trackside.datasets.models import Dataset, DatasetState, Picture, Problem
from trackside.jobs.models import Attempt, Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/"
SIZES = ((640, 480), (300, 900), (28, 28), (500, 375), (500, 333))


def archive(name: str = "photos.zip", content: bytes = b"PK\x05\x06" + b"\0" * 18) -> Any:
    return SimpleUploadedFile(name, content)


def line(number: int, **more: Any) -> dict[str, Any]:
    width, height = SIZES[number % len(SIZES)]
    return {
        "number": number,
        "path": f"train/ants/{number}.jpg",
        "file": f"files/00/{number}.jpg",
        "split": "val" if number % 2 else "train",
        "label": "ants" if number < 3 else "bees",
        "width": width,
        "height": height,
        "bytes": 1000,
        "sha256": f"{number:064x}",
        "use": True,
        **more,
    }


def output(folder: Path, lines: list[dict[str, Any]], problems: list[dict[str, Any]]) -> None:
    """What an import leaves in its job folder (docs/jobs.md)."""
    for one in lines:
        for file in (one["file"], f"thumbs/00/{one['number']}.webp"):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\xff\xd8 pixels")
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (folder / "index.jsonl").write_text(text)
    (folder / "problems.jsonl").write_text("".join(json.dumps(one) + "\n" for one in problems))
    facts = {
        "layout": "split_class_folders",
        "left_out": 1,
        "problems": len(problems),
        "bytes": 5000,
    }
    (folder / "facts.json").write_text(json.dumps(facts))


@pytest.fixture
def photos(project: Project, ada: User, stage: Path) -> Dataset:
    """A dataset whose import has just ended: five images in use, a GIF and a text left out."""
    dataset = services.upload(project, ada, "photos", archive())
    assert dataset.job is not None
    node = Node.objects.create(name="here", queue="here")
    attempt = Attempt.objects.filter(job=dataset.job).first() or Attempt(
        job=dataset.job, number=1, fence=1, node=node, compute={}, assigned_at=timezone.now()
    )
    attempt.folder = f"jobs/{dataset.job.pk}/a1"
    attempt.save()
    gif = line(5, path="train/ants/none.gif", file="files/00/5.gif", use=False)
    problems = [
        {"where": gif["path"], "what": "GIF, palette, 1 frame: not a photograph.", "number": 5},
        {"where": "notes.txt", "what": "Not an image.", "number": None},
    ]
    output(stage / attempt.folder / "output", [*(line(n) for n in range(5)), gif], problems)
    services.publish_import(dataset.job, attempt, {"facts": {}})
    Job.objects.filter(pk=dataset.job.pk).update(state="succeeded")
    return Dataset.objects.get(pk=dataset.pk)


def test_an_upload_becomes_a_job_with_the_file_under_a_name_of_ours(
    project: Project, ada: User, stage: Path
) -> None:
    dataset = services.upload(project, ada, "", archive("../../My photos (1).tar.gz"))
    assert dataset.job is not None
    assert (dataset.name, dataset.state) == ("My_photos_1", DatasetState.IMPORTING)
    path = Path(dataset.job.spec["archive"])
    assert path.parent == stage / "uploads"
    assert path.stat().st_mode & 0o777 == 0o600
    assert dataset.job.kind == "import"


@pytest.mark.parametrize(
    "name", ["../x", ".hidden", "a/b", "a\\b", "x" * 81, "<b>", "ü", "a\nb", "a\0b", "-rf"]
)
def test_a_name_that_no_address_can_hold_is_refused(
    project: Project, ada: User, stage: Path, name: str
) -> None:
    with pytest.raises(services.BadDataset, match="cannot be a dataset's name") as bad:
        services.upload(project, ada, name, archive())
    assert bad.value.field == "name"
    assert not list(stage.glob("uploads/*"))


def test_a_taken_name_an_empty_file_and_no_file_are_refused_and_leave_nothing(
    project: Project, ada: User, stage: Path
) -> None:
    services.upload(project, ada, "photos", archive())
    for name, file, code in (
        ("photos", archive(), "name_taken"),
        ("other", archive(content=b""), "invalid"),
        ("other", None, "invalid"),
    ):
        with pytest.raises(services.BadDataset) as bad:
            services.upload(project, ada, name, file)
        assert bad.value.code == code
    assert len(list(stage.glob("uploads/*"))) == 1
    assert Dataset.objects.count() == Job.objects.count() == 1


def test_a_double_click_is_one_dataset(project: Project, as_ben: Client) -> None:
    for _ in range(2):
        form = {"name": "photos", "file": archive(), "click_id": "click-1"}
        answer = as_ben.post("/p/INSECTS/upload/", form, headers={"Accept": "application/json"})
        assert answer.status_code == 202
        assert answer.json() == {"url": f"{HOME}photos/"}
    assert Dataset.objects.count() == 1


def test_a_script_and_a_form_get_the_same_sentence(project: Project, as_ben: Client) -> None:
    form = {"name": "a/b", "file": archive()}
    json_answer = as_ben.post("/p/INSECTS/upload/", form, headers={"Accept": "application/json"})
    assert json_answer.status_code == 422
    assert json_answer.json()["error"]["field"] == "name"
    page = as_ben.post("/p/INSECTS/upload/", {"name": "a/b", "file": archive()})
    assert page.status_code == 422
    assert b"cannot be a dataset" in page.content


def test_what_the_intake_found_becomes_the_dataset(photos: Dataset, stage: Path) -> None:
    assert (photos.state, photos.rows, photos.bytes) == (DatasetState.READY, 5, 5000)
    assert photos.facts["classes"] == [{"name": "ants", "count": 3}, {"name": "bees", "count": 2}]
    assert photos.facts["splits"] == {"train": 3, "val": 2}
    assert [queries.folder(photos)] == list((stage / "datasets").iterdir())
    assert Picture.objects.filter(dataset=photos).count() == 5
    assert Problem.objects.filter(dataset=photos, can_keep=True).count() == 1
    assert sum(one["count"] for one in photos.facts["histogram"]) == 5


def test_one_click_keeps_a_picture_that_was_left_out(photos: Dataset, as_ben: Client) -> None:
    problem = Problem.objects.get(dataset=photos, can_keep=True)
    before = photos.fingerprint
    as_ben.post(f"{HOME}photos/keep/", {"problem": [problem.pk, 10**9, "nonsense", "9" * 5_000]})
    photos.refresh_from_db()
    assert photos.rows == 6
    assert photos.fingerprint != before
    assert photos.facts["left_out"] == 0
    lines = intake.read(queries.folder(photos))
    assert all(one["use"] for one in lines)
    assert services.keep(photos, [problem.pk]) == 0


def test_a_file_that_is_no_image_cannot_be_kept(photos: Dataset) -> None:
    text = Problem.objects.get(dataset=photos, can_keep=False)
    assert services.keep(photos, [text.pk]) == 0


def test_a_failed_import_says_why_and_can_be_tried_again(
    project: Project, ada: User, as_ada: Client
) -> None:
    dataset = services.upload(project, ada, "photos", archive())
    Job.objects.update(state="failed", reason="The archive is cut off. Upload it again.")
    page = as_ada.get(f"{HOME}photos/")
    assert b"The archive is cut off." in page.content
    first = dataset.job_id
    as_ada.post(f"{HOME}photos/retry/")
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.IMPORTING
    assert dataset.job_id != first


@pytest.mark.parametrize("tab", ["images", "summary", "problems", "nonsense"])
def test_every_tab_renders(photos: Dataset, as_cleo: Client, tab: str) -> None:
    assert as_cleo.get(f"{HOME}photos/", {"tab": tab}).status_code == 200


def test_the_grid_filters_by_class_and_split_and_ignores_nonsense(
    photos: Dataset, as_cleo: Client
) -> None:
    def count(**query: str) -> int:
        return as_cleo.get(f"{HOME}photos/", query).content.count(b'class="pic"')

    assert count() == 5
    assert count(label="ants") == 3
    assert count(label="ants", split="val") == 1
    assert count(label="x' OR 1=1", split="owner__password", page="-7") == 5


def test_readers_see_no_controls_and_cannot_use_them(photos: Dataset, as_cleo: Client) -> None:
    page = as_cleo.get(f"{HOME}photos/?tab=problems").content
    assert b"Keep the ticked" not in page
    assert b'id="delete"' not in page
    assert b"Upload" not in as_cleo.get(HOME).content
    for path in ("keep", "retry", "delete"):
        assert as_cleo.post(f"{HOME}photos/{path}/").status_code == 403
    assert as_cleo.get("/p/INSECTS/upload/").status_code == 403


def test_images_come_by_number_with_headers_that_disarm_them(
    photos: Dataset, as_cleo: Client
) -> None:
    for size, kind in (("thumb", "image/webp"), ("full", "image/jpeg")):
        answer = as_cleo.get(f"{HOME}photos/images/2/{size}/?v={photos.fingerprint[:12]}")
        assert answer.status_code == 200
        assert answer["Content-Type"] == kind
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]
        assert answer["Cache-Control"].startswith("private")


def test_what_a_browser_could_run_is_only_downloaded(photos: Dataset, as_cleo: Client) -> None:
    evil = queries.folder(photos) / "files/00/2.svg"
    evil.write_text("<svg onload=alert(1)>")
    Picture.objects.filter(dataset=photos, number=2).update(file="files/00/2.svg")
    answer = as_cleo.get(f"{HOME}photos/images/2/full/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["999/full", "2/huge", "5/full", "99999999999999999999999/thumb"])
def test_images_that_are_not_in_use_or_not_there_are_absent(
    photos: Dataset, as_cleo: Client, path: str
) -> None:
    assert as_cleo.get(f"{HOME}photos/images/{path}/").status_code == 404


def test_no_row_leads_out_of_the_datasets_folder(photos: Dataset, as_cleo: Client) -> None:
    (queries.folder(photos).parent / "secret.jpg").write_text("secret")
    Picture.objects.filter(dataset=photos, number=2).update(file="../secret.jpg")
    assert as_cleo.get(f"{HOME}photos/images/2/full/").status_code == 404


def test_a_dataset_in_use_is_not_deleted_and_says_by_what(
    photos: Dataset, as_ben: Client, stage: Path
) -> None:
    analysis = Analysis.objects.create(
        project=photos.project, name="sorter", dataset=photos, task="x", target="label"
    )
    page = as_ben.post(f"{HOME}photos/delete/", follow=True)
    assert b"the analysis sorter uses it" in page.content
    analysis.delete()
    Job.objects.create(
        project=photos.project,
        kind="train",
        title="Session 1",
        spec={"dataset": {"folder": str(queries.folder(photos))}},
        compute={},
        state="running",
        click_id="2",
    )
    assert b"reads it" in as_ben.post(f"{HOME}photos/delete/", follow=True).content
    assert Dataset.objects.filter(pk=photos.pk).exists()


def test_a_deleted_dataset_takes_its_files_with_it(
    photos: Dataset, ben: User, stage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(photos, ben)
    assert list((stage / "datasets").iterdir()) == []
    assert list((stage / "uploads").iterdir()) == []


def test_a_table_shows_its_rows_and_downloads(project: Project, as_cleo: Client) -> None:
    table = services.output_dataset(project, "scored")
    assert b"Not built yet" in as_cleo.get(f"{HOME}scored/").content
    home = queries.folder(table)
    home.mkdir(parents=True)
    rows = "".join(f"{n}.jpg,<b>ants,0.{n:03d}\n" for n in range(120))
    (home / "data.csv").write_text("path,prediction,proba_ants\n" + rows)
    Dataset.objects.filter(pk=table.pk).update(state="ready", rows=120)
    assert b"<b>ants" not in as_cleo.get(f"{HOME}scored/").content
    window = {"offset": 118, "limit": 5, "first": 0, "count": 2}
    rows = as_cleo.get(f"{HOME}scored/rows/", window).json()["rows"]
    assert rows == [["118.jpg", "<b>ants"], ["119.jpg", "<b>ants"]]
    answer = as_cleo.get(f"{HOME}scored/csv/")
    assert b"".join(answer.streaming_content).decode().count("\n") == 121  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == 'attachment; filename="scored.csv"'
