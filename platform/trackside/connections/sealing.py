"""Passwords at rest: Fernet, by a key that is derived from SECRET_KEY.

Who has the database alone reads none. With another SECRET_KEY they are lost, and typed again.
"""

import base64
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PURPOSE = b"trackside: the passwords of connections, 1"


class Unsealed(Exception):
    """It was sealed with another key, or is damaged."""


def seal(password: str) -> str:
    """ "" stays what it is: no password."""
    return _fernet(settings.SECRET_KEY).encrypt(password.encode()).decode() if password else ""


def unseal(sealed: str) -> str:
    """Raises Unsealed."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - costs 30 ms at the web's start

    if not sealed:
        return ""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _fernet(secret).decrypt(sealed.encode()).decode()
        except InvalidToken:
            continue
    raise Unsealed


@lru_cache(maxsize=4)
def _fernet(secret: str) -> "Fernet":
    from cryptography.fernet import Fernet  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
