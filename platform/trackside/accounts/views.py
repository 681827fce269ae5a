"""Signing in and out, and one's own account."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from trackside.accounts import forms, services, throttle
from trackside.accounts.gate import caller, public, signed_in
from trackside.accounts.models import ApiToken, User
from trackside.ui import words
from trackside.ui.context import THEMES

YEAR = 365 * 86400


def safe_next(request: HttpRequest, default: str = "home") -> str:
    """Where to go after a form: an address of this site, whatever was asked for."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if allowed and wanted.startswith("/") else resolve_url(default)


@public
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Public: it is the door."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = forms.SignIn(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        status = _try(request, form)
        if status == 302:
            return redirect(safe_next(request))
    context = {"form": form, "next": safe_next(request, "home")}
    return render(request, "accounts/sign_in.html", context, status=status)


def _try(request: HttpRequest, form: forms.SignIn) -> int:
    """302 when the person is in. The sentences never tell whether the name exists."""
    name, address = form.cleaned_data["username"], services.address_of(request)
    now = timezone.now()
    wait = throttle.seconds_to_wait(name, address, now)
    if wait:
        form.add_error(None, f"Too many tries. Wait {words.duration(wait)}, then try again.")
        return 429
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        throttle.failed(name, address, now)
        services.audit(None, "sign-in refused", name, address=address)
        form.add_error(None, "User name or password is wrong.")
        return 200
    throttle.succeeded(name, address)
    login(request, user)
    services.audit(user, "signed in", name, address=address)
    return 302


@signed_in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    services.audit(caller(request), "signed out", address=services.address_of(request))
    logout(request)
    return redirect("login")


@signed_in
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Name, password and tokens; `part` says which of the page's forms was sent."""
    me, part = caller(request), request.POST.get("part", "")
    name = forms.Name(request.POST if part == "name" else None, instance=me)
    password = forms.NewPassword(me, request.POST if part == "password" else None)
    token = forms.NewToken(request.POST if part == "token" else None)
    secret = ""
    if part == "name" and name.is_valid():
        name.save()
        messages.success(request, "Your name is saved.")
        return redirect("account")
    if part == "password" and password.is_valid():
        services.change_password(request, me, password.cleaned_data["new"])
        messages.success(request, "Your password is changed. Other browsers are signed out.")
        return redirect("account")
    if part == "token" and token.is_valid():
        secret, token = _new_token(me, token), forms.NewToken()
    context = {
        "name_form": name,
        "password_form": password,
        "token_form": token,
        "secret": secret,
        "tokens": me.tokens.order_by("-created_at"),
        "now": timezone.now(),
    }
    response = render(request, "accounts/account.html", context)
    response["Cache-Control"] = "no-store"  # the page may show a new token once
    return response


def _new_token(me: User, form: forms.NewToken) -> str:
    days = form.cleaned_data["lifetime"]
    until = timezone.now() + timedelta(days=days) if days else None
    return services.make_token(me, form.cleaned_data["name"], until)[1]


@signed_in
@require_POST
def token_revoke(request: HttpRequest, number: int) -> HttpResponse:
    me = caller(request)
    token = ApiToken.objects.filter(user=me, pk=number).first()
    if token is None:
        messages.info(request, "That token was already revoked.")
    else:
        services.revoke_token(token, me)
        messages.success(request, f"Token {token.name} is revoked. It no longer works.")
    return redirect("account")


@signed_in
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Kept with the user and as a cookie, so that the sign-in page has the same look."""
    theme = request.POST.get("theme", "")
    theme = theme if theme in THEMES else ""
    services.set_theme(request.user, theme)
    response: HttpResponse = redirect(safe_next(request))
    response.set_cookie("theme", theme, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response
