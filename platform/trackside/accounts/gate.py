"""Default deny: a view answers only when it says who may call it.

    @signed_in      a person with a session; anybody else is sent to the sign-in page
    @api            a Bearer token and nothing else: the session's cookie does not count
    @public         anybody, and the reason belongs in the view's docstring

A view without one of these is refused for everybody, and `tests/web/test_gate.py` names it.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.deprecation import MiddlewareMixin

from trackside.accounts.models import ApiToken, User

View = TypeVar("View", bound=Callable[..., Any])
Decision = Literal["public", "signed_in", "api"]
SEEN_EVERY = timedelta(minutes=1)  # how often a token's last use is written


def public(view: View) -> View:
    return _decide(view, "public")


def signed_in(view: View) -> View:
    return _decide(view, "signed_in")


def api(view: View) -> View:
    view.csrf_exempt = True  # type: ignore[attr-defined]  # a token is never sent by itself
    return _decide(view, "api")


def caller(request: HttpRequest) -> User:
    """Whom the gate let in. Raises PermissionDenied where a public view has let in anybody."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


def decision(view: Callable[..., Any]) -> Decision | None:
    """Who may call `view`; None when nobody decided."""
    return getattr(view, "gate", None)


def _decide(view: View, who: Decision) -> View:
    view.gate = who  # type: ignore[attr-defined]
    return view


class Gate(MiddlewareMixin):
    """The one place that asks who is calling."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        answer = self._refused(request, view)
        if answer is None:
            _check_text(request, form=decision(view) != "api")
        return answer

    def _refused(self, request: HttpRequest, view: View) -> HttpResponse | None:
        match decision(view):
            case "public":
                return None
            case "signed_in":
                return None if request.user.is_authenticated else _to_sign_in(request)
            case "api":
                return _with_token(request)
        return _undecided(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Pages of a person are not kept by browsers or proxies, unless the view says otherwise."""
        user = getattr(request, "user", None)
        if user is not None and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


def _check_text(request: HttpRequest, *, form: bool) -> None:
    """Raises BadRequest where a text holds a NUL, which Postgres can neither keep nor look for.

    `form`: also those of a form. Of REST the body is read later, and judged there.
    """
    texts = request.POST.lists() if form else ()
    if (
        "\0" in request.path
        or "%00" in request.META.get("QUERY_STRING", "")
        or any("\0" in str(one) for name, values in texts for one in (name, *values))
    ):
        raise BadRequest("The request holds a NUL, which is no character of a text.")


def _with_token(request: HttpRequest) -> HttpResponse | None:
    user = user_of_token(request.headers.get("Authorization", ""))
    if user is None:
        request.user = AnonymousUser()
        answer = error_json(
            "unauthorized", "This call needs a valid token: Authorization: Bearer …", 401
        )
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    request.user = user
    return None


def user_of_token(header: str) -> User | None:
    """The active owner of the token in an Authorization header."""
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip() or len(secret) > 200:
        return None
    token = _living(secret.strip())
    return token.user if token else None


def _living(secret: str) -> ApiToken | None:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    token = ApiToken.objects.select_related("user").filter(sha256=digest).first()
    now = timezone.now()
    if token is None or not token.user.is_active or (token.expires_at and token.expires_at <= now):
        return None
    if token.used_at is None or now - token.used_at > SEEN_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Pages go to the sign-in page and come back; scripts of a page get an answer they can read."""
    target = f"{resolve_url('login')}?next={quote(request.get_full_path())}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("login")})
    accepts = request.headers.get("Accept", "")
    if "text/html" not in accepts and ("event-stream" in accepts or "json" in accepts):
        return error_json("unauthorized", "You are signed out. Sign in again.", 401)
    if request.method not in ("GET", "HEAD"):
        target = resolve_url("login")
    return HttpResponseRedirect(target)


def _undecided(request: HttpRequest) -> HttpResponse:
    sentence = "Nobody may call this address yet: no decision about it was made."
    if request.path.startswith("/api/"):
        return error_json("forbidden", sentence, 401)
    return render(request, "403.html", {"exception": sentence}, status=403)


def error_json(code: str, message: str, status: int, field: str = "") -> JsonResponse:
    """An error as REST shows it."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    return JsonResponse({"error": error}, status=status)
