"""What a person sets on a connection: typed fields, from which form and REST are made."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from recipes.params import Choice, Flag, Param, ParamError, Params, Whole

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]+|/[^\0,@]+")
KINDS = {"postgresql": "PostgreSQL", "mysql": "MySQL or MariaDB", "sqlite": "SQLite"}
PORTS = {"postgresql": 5432, "mysql": 3306}
SERVERS = ("kind", ("postgresql", "mysql"))
# Where the password goes: who changes one of these types it again, so that nobody who does not
# know it has it sent to a place of their own.
PLACE = ("kind", "host", "port", "user", "ssl")


@dataclass(frozen=True, kw_only=True)
class Line(Param):
    """One line of text; `plain`: as it was typed, with the spaces at its ends."""

    longest: int = 80
    plain: bool = False

    def clean(self, raw: Any) -> str:
        text = raw if self.plain else str(raw).strip() if isinstance(raw, str) else raw
        if not isinstance(text, str) or len(text) > self.longest:
            raise ValueError(f"{self.label!r} must be a text of {self.longest} characters at most.")
        if any(ord(one) < 32 or ord(one) == 127 for one in text):
            raise ValueError(f"{self.label!r} must be one line, without control characters.")
        return text

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "maxLength": self.longest}


FIELDS = Params(
    (
        Line(name="name", label="Name", default=""),
        Choice(
            name="kind", label="Kind of database", default="postgresql", shape="segments",
            options=tuple((value, label, "") for value, label in KINDS.items()),
        ),
        Line(
            name="host", label="Host", default="", longest=255, when=SERVERS,
            help="A name or an address; for a socket on this machine its path.",
        ),
        Whole(
            name="port", label="Port", default=0, minimum=0, maximum=65535, when=SERVERS,
            help="Empty, or 0, is the usual one: 5432, or 3306 for MySQL and MariaDB.",
        ),
        Line(
            name="database", label="Database", default="", longest=500,
            help="Its name; of SQLite the absolute path of its file, on every node that reads it.",
        ),
        Line(
            name="user", label="User", default="", longest=128, when=SERVERS,
            help="One that may do no more than is needed: to read, its SELECT alone.",
        ),
        Line(name="password", label="Password", default="", longest=1000, plain=True, when=SERVERS),
        Choice(
            name="ssl", label="Encryption", default="prefer", when=SERVERS,
            options=(
                ("disable", "Never", ""),
                ("prefer", "Where the server offers it", ""),
                ("require", "Always", ""),
                ("verify", "Always, with a certificate that is valid", ""),
            ),
        ),
        Line(
            name="schema", label="Only this schema", default="", longest=128, when=SERVERS,
            help="Tables of others are not offered. A query reads what the user may read.",
        ),
        Flag(
            name="writable", label="Scorings may write tables into it", default=False, group="Use",
        ),
        Flag(name="everywhere", label="All projects may use it", default=False, group="Use"),
    )
)  # fmt: skip


def clean(given: dict[str, Any]) -> dict[str, Any]:
    """All fields. Raises ParamError: a sentence a field."""
    values = FIELDS.clean(given)
    if values["kind"] == "sqlite":
        values |= {"host": "", "port": 0, "user": "", "password": "", "schema": "", "ssl": "prefer"}
    if errors := {name: says for name, says in _wrong(values) if says}:
        raise ParamError(errors)
    return values


def _wrong(values: dict[str, Any]) -> list[tuple[str, str]]:
    server = values["kind"] != "sqlite"
    told = [
        ("name", "" if NAME.fullmatch(values["name"]) else _NAME),
        ("database", "" if values["database"] else "Name the database."),
    ]
    if not server:
        return [*told, ("database", no_file_of_ours(values["database"]))]
    return [
        *told,
        ("host", "" if HOST.fullmatch(values["host"]) else _HOST),
        ("user", "" if values["user"] else "Name the user."),
        ("database", "" if not _ours(values) else _OWN),
    ]


_NAME = (
    "A connection's name has up to 80 letters, digits, spaces, dots, dashes and underscores, "
    "a letter or digit first."
)
_HOST = "Type the host: one name or address, such as db.example.org, or a socket's path."
_OWN = "This is the database that Trackside itself lives in: it cannot be read from here."


def no_file_of_ours(file: str) -> str:
    """Why this SQLite file cannot be opened, "" when it can; links are followed."""
    if not file:
        return ""
    if not Path(file).is_absolute():
        return "Type the file's absolute path, such as /data/shop.db."
    place = Path(file).resolve()
    inside = any(place.is_relative_to(Path(one).resolve()) for one in own_places())
    return _OWN if inside else ""


def own_places() -> list[str]:
    """Folders and files that no connection opens: Trackside's own."""
    main = settings.DATABASES["default"]
    file = [str(main["NAME"])] if "sqlite" in str(main["ENGINE"]) else []
    return [str(settings.TRACKSIDE_HOME), str(settings.TRACKSIDE_STORAGE), *file]


def _ours(values: dict[str, Any]) -> bool:
    own = settings.DATABASES["default"]
    if values["kind"] not in str(own["ENGINE"]) or str(own["NAME"]) != values["database"]:
        return False
    host, port = str(own.get("HOST") or "localhost"), int(str(own.get("PORT") or 0))
    usual = PORTS[values["kind"]]
    here = {"localhost", "127.0.0.1", "::1"}
    same = host == values["host"] or {host, values["host"]} <= here
    return same and (port or usual) == (values["port"] or usual)
