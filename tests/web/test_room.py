"""At the floor of the storage new work is refused with a sentence; what is there goes on."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import room
from trackside.config import body_limit
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset
from trackside.jobs import services
from trackside.jobs.models import Job
from trackside.projects.models import Project

FULL = 1 << 60  # no disk has so much


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "STORAGE_FLOOR", FULL)


def test_with_room_nothing_is_said() -> None:
    assert room.missing() == ""


def test_the_sentence_names_place_and_numbers(full: None, stage: Path) -> None:
    sentence = room.missing()
    assert sentence.startswith(f"New work is refused: {stage} has ")
    assert "1024.0 PiB are kept for jobs that run" in sentence


def test_a_storage_that_is_gone_refuses_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path / "unmounted")
    assert "cannot be used (No such file or directory)" in room.missing()


def test_a_storage_that_hangs_is_waited_for_once_and_by_one_thread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []
    again = threading.Event()

    def hang(place: Path) -> room.Room:
        asked.append(place)
        again.wait()
        return room.Room(place, free=FULL, total=FULL)

    monkeypatch.setattr(room, "_ask", hang)
    monkeypatch.setattr(room, "PATIENCE", 0.01)
    for _ in range(3):
        assert "it has not answered for" in room.look(tmp_path / "nfs").trouble
    assert len(asked) == 1
    again.set()
    room._looks[tmp_path / "nfs"].over.wait()
    monkeypatch.setattr(room, "PATIENCE", 10.0)
    assert room.look(tmp_path / "nfs").free == FULL


@pytest.mark.django_db
def test_a_training_is_refused_and_leaves_no_row(full: None, project: Project, ada: User) -> None:
    with pytest.raises(room.NoRoom, match="New work is refused"):
        cast.submit(project, ada)
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_click_that_was_taken_before_is_answered_still(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cast.submit(project, ada, click_id="once")
    monkeypatch.setattr(settings, "STORAGE_FLOOR", FULL)
    assert cast.submit(project, ada, click_id="once") == first


@pytest.mark.django_db
def test_what_runs_goes_on_and_small_looks_are_taken(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.node()
    attempt = cast.claimed(cast.submit(project, ada))
    monkeypatch.setattr(settings, "STORAGE_FLOOR", FULL)
    services.finish(attempt, {}, publish=None)
    assert cast.submit(project, ada, kind="preview").state != "failed"


@pytest.mark.django_db
def test_an_upload_is_refused_as_insufficient_storage(
    full: None, project: Project, ada: User, as_user: Callable[[User], Client]
) -> None:
    file = SimpleUploadedFile("photos.zip", b"PK")
    with pytest.raises(datasets.BadDataset, match="New work is refused") as refused:
        datasets.upload(project, ada, "photos", file)
    assert (refused.value.status, refused.value.code) == (507, "no_room")
    answer = as_user(ada).post("/p/INSECTS/upload/", {"file": file, "name": "photos"})
    assert answer.status_code == 507
    assert b"New work is refused" in answer.content
    assert not Dataset.objects.exists()


@pytest.mark.django_db
def test_rest_says_so_with_507(full: None, project: Project, ada: User) -> None:
    from trackside.accounts.services import make_token

    _, secret = make_token(ada, "script")
    file = SimpleUploadedFile("photos.zip", b"PK")
    answer = Client(headers={"Authorization": f"Bearer {secret}"}).post(
        "/api/v1/projects/INSECTS/datasets", {"file": file, "name": "photos"}
    )
    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "no_room"


def test_an_upload_without_room_is_refused_before_it_is_read(full: None) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError("Django was asked")

    headers = [(b"cookie", b"trackside=x"), (b"content-length", b"4096")]
    scope = {"type": "http", "path": "/p/INSECTS/upload/", "headers": headers, "method": "POST"}
    asyncio.run(body_limit.limited(app)(scope, receive, send))
    assert sent[0]["status"] == 507
    assert b"no room for an upload of 4.0 KiB now" in sent[1]["body"]


def test_the_page_of_the_upload_opens_without_room(full: None) -> None:
    seen: list[Any] = []

    async def app(*_: Any) -> None:
        seen.append("asked")

    scope = {"type": "http", "path": "/p/INSECTS/upload/", "headers": [(b"cookie", b"x=y")]}
    asyncio.run(body_limit.limited(app)(scope, None, None))  # type: ignore[arg-type]
    assert seen == ["asked"]
