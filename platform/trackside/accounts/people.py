"""For administrators: who has an account here, and what was done by whom."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from trackside.accounts import forms, services
from trackside.accounts.gate import caller, signed_in
from trackside.accounts.models import AuditEntry, User

View = Callable[..., HttpResponse]


def administrators_only(view: View) -> View:
    """To everybody else the page is not there."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_staff", False):
            raise Http404("There is no such page.")
        return view(request, *args, **kwargs)

    return signed_in(inner)


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def users(request: HttpRequest) -> HttpResponse:
    form = forms.NewUser(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = services.create_user(caller(request), **form.cleaned_data)
        messages.success(request, f"{made} can sign in now.")
        return redirect("users")
    people = User.objects.order_by("-is_active", "username")
    return render(request, "accounts/users.html", {"form": form, "people": people})


@administrators_only
@require_POST
def user_active(request: HttpRequest, number: int) -> HttpResponse:
    person = get_object_or_404(User, pk=number)
    active = request.POST.get("active") == "1"
    if person == request.user:
        messages.error(request, "You cannot deactivate yourself.")
    else:
        services.set_active(person, active, caller(request))
        done = "can sign in again" if active else "can no longer sign in, and their tokens stop"
        messages.success(request, f"{person} {done}.")
    return redirect("users")


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def user_password(request: HttpRequest, number: int) -> HttpResponse:
    person = get_object_or_404(User, pk=number)
    form = forms.ResetPassword(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.reset_password(person, form.cleaned_data["password"], caller(request))
        messages.success(request, f"{person} has a new password and is signed out everywhere.")
        return redirect("users")
    return render(request, "accounts/user_password.html", {"form": form, "person": person})


@administrators_only
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    entries = AuditEntry.objects.select_related("user").order_by("-id")
    page = Paginator(entries, 100).get_page(request.GET.get("page"))
    return render(request, "accounts/audit.html", {"page": page})
