"""The environment, read once. Each reader fails with a sentence that names the variable."""

import hashlib
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[3]


class BadEnvironment(Exception):
    """An environment variable holds something Trackside cannot use."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def whole(name: str, default: int) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError:
        raise BadEnvironment(f"{name} must be a whole number, not {raw!r}.") from None


def flag(name: str, default: bool = False) -> bool:
    raw = text(name).lower()
    if raw in ("", "0", "1", "true", "false", "yes", "no"):
        return default if not raw else raw in ("1", "true", "yes")
    raise BadEnvironment(f"{name} must be 1 or 0, not {raw!r}.")


def home() -> Path:
    return Path(text("TRACKSIDE_HOME") or ROOT / "var").resolve()


def storage() -> Path:
    return Path(text("TRACKSIDE_STORAGE") or home() / "storage").resolve()


def home_id() -> str:
    """Names this TRACKSIDE_HOME in the environment of all its processes and in /tmp."""
    return hashlib.sha256(str(home()).encode()).hexdigest()[:12]


def run_folder() -> Path:
    """The private folder of the unix sockets: TRACKSIDE_HOME/run, or one in /tmp for a long path.

    A socket's path ends at 107 bytes, and the broker's address cannot hold every character.
    """
    folder = home() / "run"
    if len(os.fsencode(folder)) > 75 or not re.fullmatch(r"[\w./+-]+", str(folder), re.ASCII):
        folder = Path(tempfile.gettempdir()) / f"trackside-{os.getuid()}-{home_id()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BadEnvironment(
            f"{folder} must be a folder of this user alone (mode 0700): "
            "whoever can write there can speak for Trackside. Remove it and start again."
        )
    return folder


def broker_url() -> str:
    return text("BROKER_URL") or f"redis+socket://{run_folder() / 'valkey.sock'}"


def secret_key() -> str:
    """Made at the first start and kept in TRACKSIDE_HOME, mode 0600; SECRET_KEY overrides it."""
    given = text("SECRET_KEY")
    if given:
        if len(given) < 32:
            raise BadEnvironment("SECRET_KEY must have at least 32 characters.")
        return given
    return _kept_secret(home() / "secret_key")


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(os.urandom(32).hex())
        with suppress(FileExistsError):
            os.link(draft, path)  # the first of several starters wins, the others read its key
        draft.unlink()
    return path.read_text().strip()


def database() -> dict[str, object]:
    """DATABASE_URL as Django settings: sqlite:///FILE or postgres://USER:PASSWORD@HOST:PORT/NAME."""
    url = text("DATABASE_URL") or f"sqlite:///{home() / 'trackside.sqlite3'}"
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(url.removeprefix("sqlite:///"))
    if parts.scheme in ("postgres", "postgresql"):
        return _postgres(url)
    raise BadEnvironment(
        f"DATABASE_URL must begin with sqlite:/// or postgres://, not {parts.scheme}://."
    )


def _sqlite(path: str) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA busy_timeout=20000;",
        },
    }


# A machine that is cut off in the midst of a transaction leaves its row locks with the server, and
# whoever needs those rows would wait until TCP gives up: two hours. So both ends ask after 5 s of
# silence whether the other is there. A process that stands still in a transaction loses it too:
# before its lease ends, so that nobody waits for its rows then, and long after the longest silence
# of an honest one, which makes the rows of pictures in memory (2 s for 100,000).
STANDS_STILL = 75  # seconds
_FOUND_GONE = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
_LETS_GO = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 "
    f"-c tcp_user_timeout=15s -c idle_in_transaction_session_timeout={STANDS_STILL}s"
)


def _postgres(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", "") or parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **_FOUND_GONE, "options": _LETS_GO},
    }
