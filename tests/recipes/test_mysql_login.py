"""Whoever answers as MySQL does not get the password: a server that asks in each way there is."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened

PASSWORD = "not for everybody"
ALLOWED = 0x81BFF7DF & ~0x800  # all a server of today can, but no encryption
THEN = b"|another packet|"
WELL = b"\0\0\0\2\0\0\0"


def greeting(way: bytes) -> bytes:
    first, last = struct.pack("<H", ALLOWED & 0xFFFF), struct.pack("<H", ALLOWED >> 16)
    salt = (b"abcdefgh\0", b"ijklmnopqrst\0")
    begin = b"\x0a8.0.30\0" + struct.pack("<I", 5) + salt[0] + first + b"\x21\2\0" + last
    return begin + b"\x15" + bytes(10) + salt[1] + way + b"\0"


@contextmanager
def asking(
    way: bytes, *answers: bytes, at: Path | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that says this to each packet of the client, and what it was sent.

    `at`: a socket of this machine in place of a port.
    """
    heard: list[bytes] = []

    def serve() -> None:
        line, _ = door.accept()
        with line, contextlib.suppress(OSError):
            for number, said in enumerate((greeting(way), *answers)):
                for more, packet in enumerate(said.split(THEN)):
                    length = struct.pack("<I", len(packet))[:3]
                    line.sendall(length + bytes([2 * number + more]) + packet)
                heard.append(line.recv(65536))

    unix = {"address": str(at), "family": socket.AF_UNIX}
    port = {"address": ("127.0.0.1", 0)}
    with socket.create_server(**(unix if at else port)) as door:
        thread = threading.Thread(target=serve)
        thread.start()
        yield 0 if at else door.getsockname()[1], heard
        thread.join()


def refusal(port: int, ssl: str, host: str = "127.0.0.1") -> str:
    way = {"kind": "mysql", "host": host, "database": "d", "user": "u"}
    with (
        pytest.raises(Trouble) as told,
        opened(Access(**way, port=port, password=PASSWORD, ssl=ssl), seconds=5),
    ):
        pass
    return str(told.value)


@pytest.mark.parametrize("ssl", ["prefer", "disable"])
@pytest.mark.parametrize(
    ("way", "answers"),
    [
        (b"mysql_native_password", [b"\xfemysql_clear_password\0x"]),
        (b"mysql_native_password", [b"\xfedialog\0\x04Password: "]),
        (b"mysql_native_password", [b"\xfesha256_password\0" + b"s" * 20 + b"\0"]),
        (b"sha256_password", []),
        (b"caching_sha2_password", [b"\1\4"]),
        (b"mysql_native_password", [b"\xfecaching_sha2_password\0" + b"s" * 20 + b"\0", b"\1\4"]),
    ],
)
def test_it_is_told_to_nobody(ssl: str, way: bytes, answers: list[bytes]) -> None:
    with asking(way, *answers) as (port, heard):
        said = refusal(port, ssl)
    assert "asks for the password itself" in said
    assert all(PASSWORD.encode() not in one for one in heard)
    assert len(heard) <= len(answers) + 1  # nor is the server asked for a key


def test_a_server_that_remembers_the_user_is_logged_in_to() -> None:
    with asking(b"caching_sha2_password", b"\1\3" + THEN + WELL) as (port, heard):
        said = refusal(port, "prefer")
    assert "asks for the password" not in said  # it ends later: this one knows no statement
    assert b"SET" in heard[-1]


def test_mysqls_usual_users_log_in_where_the_line_is_safe(tmp_path: Path) -> None:
    """A server that does not remember one asks for the password: by a socket, or TLS."""
    with asking(b"caching_sha2_password", b"\1\4", WELL, at=tmp_path / "s") as (_, heard):
        said = refusal(0, "prefer", str(tmp_path / "s"))
    assert heard[1].endswith(PASSWORD.encode() + b"\0")
    assert "asks for the password" not in said
    assert b"SET" in heard[-1]
