"""Whoever answers as PostgreSQL gets no password that nobody meant for it."""

import socket
import struct
import threading

import pytest

from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened

MD5 = b"R" + struct.pack(">II", 12, 5) + b"salt"  # "hash it with this"


@pytest.mark.parametrize("ssl", ["disable", "prefer"])
def test_a_password_of_the_environment_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, ssl: str
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of this machine")
    heard: list[bytes] = []

    def serve() -> None:
        line, _ = door.accept()
        with line:
            if struct.unpack(">II", (first := line.recv(4096))[:8])[1] == 80877103:  # encryption?
                line.sendall(b"N")
                first = line.recv(4096)
            line.sendall(MD5)
            heard.extend((first, line.recv(4096)))

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve)
        thread.start()
        way = {"kind": "postgresql", "host": "127.0.0.1", "database": "d", "user": "u", "ssl": ssl}
        with (
            pytest.raises(Trouble, match="asks for a password"),
            opened(Access(**way, port=door.getsockname()[1])),
        ):
            pass
        thread.join()
    assert b"md5" not in heard[1]
