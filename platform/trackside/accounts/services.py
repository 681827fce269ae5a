"""What happens to accounts and tokens, each with its line in the audit log."""

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from trackside.accounts.models import ApiToken, AuditEntry, User

TOKEN_MARK = "ts_"  # noqa: S105 - lets people and secret scanners recognise a leaked token


def audit(user: User | None, act: str, about: str = "", *, address: str = "") -> AuditEntry:
    """One security-relevant act. Control characters are escaped, so no line can be forged."""
    text = json.dumps(about, ensure_ascii=False)[1:-1][:200]
    return AuditEntry.objects.create(user=user, act=act, about=text, address=address[:45])


def address_of(request: HttpRequest) -> str:
    """The peer's address. X-Forwarded-For is anybody's claim and is not looked at."""
    return str(request.META.get("REMOTE_ADDR", ""))


@transaction.atomic
def make_token(user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A new token and its secret, which is nowhere to be read again."""
    secret = TOKEN_MARK + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=secret[:10],
        sha256=hashlib.sha256(secret.encode()).hexdigest(),
        expires_at=expires_at,
    )
    audit(user, "token made", f"{name} ({token.prefix}…)")
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, by: User) -> None:
    """Gone at once: the next call with it is refused."""
    audit(by, "token revoked", f"{token.name} ({token.prefix}…)")
    token.delete()


@transaction.atomic
def create_user(
    by: User | None, *, username: str, password: str, display_name: str = "", staff: bool = False
) -> User:
    user = User.objects.create_user(
        username=username, password=password, display_name=display_name, is_staff=staff
    )
    audit(by, "user made", username)
    return user


@transaction.atomic
def set_active(user: User, active: bool, by: User) -> None:
    """A deactivated person is signed out everywhere and their tokens stop; nothing is deleted."""
    user.is_active = active
    user.save(update_fields=["is_active"])
    audit(by, "user activated" if active else "user deactivated", user.username)


@transaction.atomic
def change_password(request: HttpRequest, user: User, password: str) -> None:
    """Ends all other sessions of the user; this one goes on."""
    user.set_password(password)
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    audit(user, "password changed", user.username, address=address_of(request))


@transaction.atomic
def reset_password(user: User, password: str, by: User) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    audit(by, "password reset", user.username)


def set_theme(user: Any, theme: str) -> None:
    User.objects.filter(pk=user.pk).update(theme=theme)
