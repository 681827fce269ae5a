"""A look into a database is a process that may be lost: nobody waits for it long."""

import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.web.shops import SECRET, server, shop, to_file
from trackside.accounts.models import User
from trackside.connections import child, looking, services

pytestmark = pytest.mark.process
SHORT = 1.0  # seconds that a look may take here


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def hello(kind: bytes, more: bytes = b"") -> bytes:
    return kind + struct.pack(">I", len(more) + 4) + more


@pytest.fixture
def silent() -> Any:
    """A PostgreSQL that lets everybody in, and then says nothing more."""
    guests: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        with suppress(OSError):
            while True:
                guest, _ = listening.accept()
                guests.append(guest)
                if guest.recv(4096)[4:8] == struct.pack(">I", 80877103):  # TLS?
                    guest.sendall(b"N")
                    guest.recv(4096)
                facts = (b"server_version\x0015\0", b"client_encoding\0UTF8\0")
                told = [hello(b"R", bytes(4)), *(hello(b"S", one) for one in facts)]
                guest.sendall(b"".join(told) + hello(b"Z", b"I"))

    threading.Thread(target=greet, daemon=True).start()
    yield listening.getsockname()[1]
    for one in (listening, *guests):
        one.close()


def test_a_server_that_falls_silent_holds_nobody_and_no_place(
    admin: User, silent: int, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SECONDS", SHORT)
    monkeypatch.setattr(looking, "AT_ONCE", threading.BoundedSemaphore(1))
    one = services.create(admin, server(port=silent))
    with pytest.raises(looking.NoLook, match="too long"):
        looking.offered(one)
    assert looking.tested(one).trouble == looking.LATE
    monkeypatch.setattr(looking, "SECONDS", 60.0)
    assert looking.offered(to_file(admin, file)).tables


def test_one_step_of_a_query_that_does_not_end_is_ended(
    admin: User, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite asks nobody within a function."""
    monkeypatch.setattr(looking, "SECONDS", SHORT)
    query = "SELECT instr(zeroblob(20000000), zeroblob(10000000) || x'01')"
    with pytest.raises(looking.NoLook, match="too long"):
        looking.preview(to_file(admin, file), {"query": query})


def test_rows_without_measure_do_not_come_into_the_web(admin: User, file: Path) -> None:
    one = to_file(admin, file)
    wide = ", ".join(["zeroblob(60000000)"] * 20)
    with pytest.raises(looking.NoLook, match="more memory"):
        looking.preview(one, {"query": f"SELECT {wide}"})
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 60)"
    seen = looking.preview(one, {"query": f"{many} SELECT zeroblob(20000000) FROM n"})
    assert (len(seen.rows), seen.more) == (50, True)
    assert {len(row[0] or "") for row in seen.rows} == {201}


def test_an_answer_has_an_end(admin: User, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MOST", 100)
    with pytest.raises(looking.NoLook, match="more of it"):
        looking.preview(to_file(admin, file), {"table": "or ders%"})


def test_administrators_test_while_editors_look(
    admin: User, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "AT_ONCE", threading.BoundedSemaphore(1))
    one = to_file(admin, file)
    with looking.AT_ONCE:
        assert looking.tested(one).trouble == ""


def test_a_password_stands_in_no_command_and_no_environment(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("PGPASSWORD", SECRET)
    told: list[str] = []
    start = child.subprocess.Popen

    def watched(*words: Any, **more: Any) -> Any:
        told.append(repr((words, more)))
        return start(*words, **more)

    monkeypatch.setattr(child.subprocess, "Popen", watched)
    assert "Nothing listens" in looking.tested(services.create(admin, server())).trouble
    assert SECRET not in told[0]


def test_what_a_driver_stumbles_over_is_a_sentence(admin: User) -> None:
    query = "SELECT set_config('client_encoding', 'LATIN1', false), 'é'"
    with postgres.server() as running:
        told = server(host=str(running.home), port=0, database="postgres", user="trackside")
        with pytest.raises(looking.NoLook, match="does not speak"):
            looking.preview(services.create(admin, told), {"query": query})
