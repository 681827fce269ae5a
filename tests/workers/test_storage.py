"""The storage is one for all machines: a token in it, and the same in the database."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from trackside.compute import storage
from trackside.compute.models import Site
from workers.node import prove_storage

pytestmark = pytest.mark.django_db


def test_who_sees_the_token_of_the_web_is_taken(tmp_path: Path) -> None:
    storage.prove(tmp_path)  # no web has started yet
    storage.mark(tmp_path)
    storage.mark(tmp_path)
    assert (tmp_path / storage.MARK).read_text() == Site.objects.get().storage_token
    storage.prove(tmp_path)


def test_a_machine_with_another_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    storage.mark(tmp_path / "web")
    (tmp_path / "node").mkdir()
    with pytest.raises(storage.BadStorage, match=r"is missing\. Mount the same filesystem here"):
        storage.prove(tmp_path / "node")
    (tmp_path / "node" / storage.MARK).write_text("something else")
    with pytest.raises(storage.BadStorage, match="is not the storage that the web writes to"):
        storage.prove(tmp_path / "node")


def test_a_new_database_takes_over_the_storage_that_it_finds(tmp_path: Path) -> None:
    storage.mark(tmp_path)
    before = Site.objects.get().storage_token
    Site.objects.all().delete()
    storage.mark(tmp_path)
    assert Site.objects.get().storage_token == before


def test_the_web_does_not_start_on_the_storage_of_another_installation(stage: Path) -> None:
    storage.mark(stage)
    (stage / storage.MARK).write_text("of another installation")
    with pytest.raises(CommandError, match="belongs to another installation"):
        call_command("first_start")


def test_a_storage_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(storage.BadStorage, match="cannot be used: Not a directory"):
        prove_storage(tmp_path / "file" / "storage")
