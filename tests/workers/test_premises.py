"""What the supervisor refuses before anything starts, and where the sockets lie."""

import os
import socket
import stat
from pathlib import Path

import pytest

from trackside.config import env
from workers import premises


def test_a_second_supervisor_of_one_home_is_refused_with_the_address_of_the_first(
    tmp_path: Path,
) -> None:
    with premises.lock(tmp_path) as held:
        premises.name_holder(held, "http://127.0.0.1:8123")
        with pytest.raises(premises.CannotStart, match=r"already runs .*http://127\.0\.0\.1:8123"):
            premises.lock(tmp_path)
    premises.lock(tmp_path).close()


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with premises.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(premises.CannotStart, match=rf"Port {port} is taken.*PORT={port + 1}"):
            premises.listen("127.0.0.1", port)


def test_a_port_out_of_range_is_named() -> None:
    with pytest.raises(premises.CannotStart, match="between 1 and 65535, not 70000"):
        premises.listen("127.0.0.1", 70000)


def test_the_port_is_on_loopback_unless_told_otherwise() -> None:
    with premises.listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.family == socket.AF_INET


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1", "would let a weights file run code"),
        ("BROKER_URL", "redis://valkey.example:6379/0", "valkey.example without a password"),
        ("BROKER_URL", "redis://10.0.0.5:6379/0", "without a password"),
    ],
)
def test_unsafe_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(premises.CannotStart, match=sentence):
        premises.refuse_unsafe_settings()


@pytest.mark.parametrize(
    "url",
    ["redis://:secret@valkey.example:6379/0", "redis://127.0.0.1:6379/0", "redis+socket:///run/v"],
)
def test_a_broker_with_a_password_or_on_this_machine_is_taken(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    premises.refuse_unsafe_settings()


@pytest.mark.parametrize("name", ["short", "x" * 90, "with space", "ümlaut", "per%cent"])
def test_the_sockets_lie_in_a_private_folder_whose_path_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TRACKSIDE_HOME", str(tmp_path / name))
    folder = env.run_folder()
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(os.fsencode(folder / "a-socket-of-24-letters.s")) < 108
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "probe"))
        (folder / "probe").unlink()
        assert env.broker_url() == f"redis+socket://{folder}/valkey.sock"
    finally:
        folder.rmdir()


def test_a_folder_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKSIDE_HOME", str(tmp_path / "home"))
    env.run_folder().chmod(0o755)
    if (tmp_path / "home" / "run").exists():
        with pytest.raises(env.BadEnvironment, match="user alone"):
            env.run_folder()
