"""The journal loses no line, also on a disk that was full for a while."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from recipes.events import Journal, read_from


def test_what_a_full_disk_takes_by_halves_is_told_whole_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, full = os.write, [False]

    def write(descriptor: int, content: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return own(descriptor, content[:7])  # and then there is no room

    monkeypatch.setattr(os, "write", write)
    journal = Journal(tmp_path)
    journal.write("step", step=1)
    full[0] = True
    for step in (2, 3):
        journal.write("step", step=step)
    assert [one["step"] for one in read_from(tmp_path / "events.jsonl", 0)[0]] == [1]
    full[0] = False
    journal.write("step", step=4)
    journal.close()
    told = read_from(tmp_path / "events.jsonl", 0)[0]
    assert [(one["seq"], one["step"]) for one in told] == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_another_fault_of_the_disk_is_an_error(tmp_path: Path, monkeypatch: Any) -> None:
    journal = Journal(tmp_path)

    def broken(descriptor: int, content: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", broken)
    with pytest.raises(OSError, match="Input/output error"):
        journal.write("step", step=1)


def test_what_no_database_keeps_is_replaced_and_what_is_no_event_is_told(tmp_path: Path) -> None:
    """A line that cannot be stored would stand in the way of all that follow it."""
    journal = Journal(tmp_path)
    journal.log("a\0b", level="warning")
    journal.write("note", text="lone \ud800, whole \U0001f41e", nested=[{"x\0": "\udfff"}])
    journal.close()
    with (tmp_path / "events.jsonl").open("a") as out:
        out.write("7\n")
    (log, note, odd), _ = read_from(tmp_path / "events.jsonl", 0)
    assert log["text"] == "a\ufffdb"
    assert note["text"] == "lone \ufffd, whole \U0001f41e"
    assert note["nested"] == [{"x\ufffd": "\ufffd"}]
    assert (odd["type"], odd["text"]) == ("log", "Unreadable line: b'7\\n'")
