"""Where the address and the token of a Trackside are kept: a file that only its owner reads."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


class NotSignedIn(Exception):
    """No address or token is known."""


@dataclass(frozen=True)
class Login:
    url: str
    token: str


def path() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "trackside" / "login.json"


def load() -> Login:
    """TRACKSIDE_URL and TRACKSIDE_TOKEN go first, then what `trackside login` kept."""
    url, token = os.environ.get("TRACKSIDE_URL", ""), os.environ.get("TRACKSIDE_TOKEN", "")
    kept = _kept()
    url, token = url or kept.get("url", ""), token or kept.get("token", "")
    if not url or not token:
        raise NotSignedIn(
            "Run `trackside login URL` first, or set TRACKSIDE_URL and TRACKSIDE_TOKEN. "
            "A token is made on your account page."
        )
    return Login(url, token)


def _kept() -> dict[str, str]:
    try:
        return dict(json.loads(path().read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def save(login: Login) -> Path:
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.unlink(missing_ok=True)
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(asdict(login), out)
    return target
