"""Logs in to MySQL without showing the password to whoever answers.

The driver obeys a server that asks for it in the clear, or locked with a key that the server shows.
Only a line that an administrator wants encrypted is worth that.
"""

from __future__ import annotations

from typing import Any

import pymysql
from pymysql import _auth
from pymysql.connections import Connection

CLEAR = 2061  # the client's own number for what goes wrong with a way to log in


def connect(**options: Any) -> Connection[Any]:
    """As the driver's, but nothing goes over the line that tells the password."""
    ways = {"mysql_clear_password": _Refused, "dialog": _Refused, "sha256_password": _Refused}
    ways["caching_sha2_password"] = _Scrambled
    return _Careful(**options, auth_plugin_map=ways)


def _refuse() -> pymysql.OperationalError:
    return pymysql.OperationalError(CLEAR, "it asks for the password itself")


class _Careful(Connection):  # type: ignore[misc]
    def _request_authentication(self) -> None:
        if self._auth_plugin_name == "sha256_password":  # it would be the first thing to be sent
            raise _refuse()
        super()._request_authentication()


class _Refused:
    def __init__(self, line: Any) -> None:
        self._line = line

    def authenticate(self, packet: Any) -> Any:
        raise _refuse()


class _Scrambled(_Refused):
    """Its quick way alone, where the server remembers the user: the other sends the password."""

    def authenticate(self, packet: Any) -> Any:
        line = self._line
        if packet.is_auth_switch_request():
            line.salt = packet.read_all().removesuffix(b"\0")
            line.write_packet(_auth.scramble_caching_sha2(line.password, line.salt))
            packet = line._read_packet()
            packet.check_error()
        if packet.is_extra_auth_data():
            if packet.read_all()[1:2] != b"\x03":
                raise _refuse()
            packet = line._read_packet()
            packet.check_error()
        return packet
