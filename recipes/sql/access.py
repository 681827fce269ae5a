"""How a database is reached, and what may go wrong there. Light."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

SSL = ("disable", "prefer", "require", "verify")  # verify: the certificate, and the host's name
READS = "reads"  # in a connection's `info`: the cursor that is open
SECONDS = 5  # that a server may take to answer at all


class Trouble(Exception):
    """A sentence for the person who asked; never with a secret in it."""

    code = "bad_data"


@dataclass(frozen=True, kw_only=True)
class Access:
    """`database` is a name; of SQLite the absolute path of its file. `port` 0 is the usual one.

    `host` of PostgreSQL and MySQL may be the absolute path of a socket (its folder for PostgreSQL).
    `called` is the connection's name where sentences must not say where the database is.
    """

    kind: str  # a key of DIALECTS
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ssl: str = "prefer"
    writable: bool = False
    called: str = ""
    apart: Sequence[str] = ()  # absolute files and folders that no SQLite file may be or lie in

    @property
    def place(self) -> str:
        """As sentences call it."""
        if self.called:
            return self.called
        if not self.host:
            return self.database
        port = f":{self.port}" if self.port and not self.host.startswith("/") else ""
        return f"{self.host}{port}"

    def veiled(self, sentence: str) -> str:
        """Without host, user and name of the database, where there is a name to call it by."""
        places = {self.host, self.database, self.user} - {""}
        for hidden in places if self.called else ():
            for quote in ("'", '"'):
                sentence = sentence.replace(f"{quote}{hidden}{quote}", f"{quote}…{quote}")
        return sentence


def of(told: dict[str, Any]) -> Access:
    """Raises Trouble where it is none."""
    known = {one.name for one in fields(Access)}
    if unknown := sorted(told.keys() - known):
        raise Trouble(f"A connection knows no {unknown[0]!r}. It knows {', '.join(sorted(known))}.")
    if not told.get("kind"):
        raise Trouble("The connection does not say of what kind its database is.")
    return Access(**told)


def taken(path: str) -> Access:
    """What the agent left for this job; the file is gone afterwards. Raises Trouble."""
    if not path:
        raise Trouble("The job names a connection, but nobody gave it the way there.")
    file = Path(path)
    try:
        text = file.read_text()
        file.unlink()
        return of(json.loads(text))
    except FileNotFoundError:
        raise Trouble("The way to the database was used already: start the job again.") from None
    except (ValueError, TypeError):
        raise Trouble("The way to the database cannot be read: start the job again.") from None
