"""Signing in, tokens, and what administrators do."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.conftest import PASSWORD
from trackside.accounts import throttle
from trackside.accounts.gate import user_of_token
from trackside.accounts.models import ApiToken, AuditEntry, User
from trackside.accounts.services import audit, make_token, revoke_token, set_active
from trackside.accounts.views import safe_next


def try_in(client: Client, name: str, password: str, **extra: Any) -> Any:
    return client.post("/login/", {"username": name, "password": password}, **extra)


def test_the_right_password_lets_in_and_renews_the_session(client: Client, ada: User) -> None:
    client.get("/login/")
    answer = try_in(client, "ada", PASSWORD)
    assert answer.status_code == 302
    assert client.get("/").status_code == 200
    assert AuditEntry.objects.filter(act="signed in", user=ada).count() == 1


def test_a_wrong_password_and_a_missing_person_read_alike(client: Client, ada: User) -> None:
    def said(name: str) -> str:
        page = try_in(client, name, "nonsense").content.decode()
        return page[page.index('role="alert"') : page.index('<div class="form">')]

    assert said("ada") == said("nobody")


def test_wrong_passwords_cost_time_whatever_the_forwarded_header_says(
    client: Client, ada: User
) -> None:
    codes = [
        try_in(client, "ada", "nonsense", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code
        for n in range(8)
    ]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert try_in(client, "ada", PASSWORD).status_code == 429


def test_the_delay_of_a_name_stays_short_and_that_of_an_address_grows(db: None) -> None:
    now = timezone.now()
    for _ in range(60):
        throttle.failed("ada", "10.0.0.9", now)
    assert throttle.seconds_to_wait("ada", "10.0.0.1", now) <= 31
    assert throttle.seconds_to_wait("someone", "10.0.0.9", now) > 600


def test_the_right_password_clears_the_count_of_the_name(db: None) -> None:
    now = timezone.now()
    for _ in range(6):
        throttle.failed("ada", "10.0.0.9", now)
    assert throttle.seconds_to_wait("ada", "10.0.0.1", now)
    throttle.succeeded("ada", "10.0.0.9")
    assert throttle.seconds_to_wait("ada", "10.0.0.1", now) == 0


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https:evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:1",
    ],
)
def test_the_way_back_stays_on_this_site(wanted: str) -> None:
    request = RequestFactory().post("/login/", {"next": wanted})
    assert safe_next(request) == "/"


def test_the_way_back_leads_to_where_one_was(client: Client, ada: User) -> None:
    asked = client.get("/gpus/?project=X")
    assert asked["Location"] == "/login/?next=/gpus/%3Fproject%3DX"
    data = {"username": "ada", "password": PASSWORD, "next": "/gpus/?project=X"}
    assert client.post("/login/", data)["Location"] == "/gpus/?project=X"


def test_signing_out_needs_a_post_and_ends_the_session(as_ada: Client) -> None:
    assert as_ada.get("/logout/").status_code == 405
    assert as_ada.post("/logout/").status_code == 302
    assert as_ada.get("/").status_code == 302


def test_forms_without_the_token_of_the_page_are_refused(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    for path in ("/logout/", "/account/", "/projects/new/", "/account/theme/"):
        answer = strict.post(path, {})
        assert answer.status_code == 403, path
        assert b"not sent by a page" in answer.content


def test_a_token_is_shown_once_and_kept_as_a_hash(as_ada: Client, ada: User) -> None:
    page = as_ada.post("/account/", {"part": "token", "name": "notebook", "lifetime": "30"})
    token = ApiToken.objects.get(user=ada)
    shown = page.content.decode().split('id="new-token">')[1].split("<")[0]
    assert hashlib.sha256(shown.encode()).hexdigest() == token.sha256
    assert shown.startswith(token.prefix)
    assert shown not in as_ada.get("/account/").content.decode()
    assert page["Cache-Control"] == "no-store"
    assert user_of_token(f"Bearer {shown}") == ada


def test_a_token_ends_when_revoked_expired_or_when_its_owner_is_out(ada: User, ben: User) -> None:
    token, secret = make_token(ada, "a")
    assert user_of_token(f"Bearer {secret}") == ada
    revoke_token(token, ada)
    assert user_of_token(f"Bearer {secret}") is None
    _, old = make_token(ada, "b", timezone.now() - timedelta(seconds=1))
    assert user_of_token(f"Bearer {old}") is None
    _, ours = make_token(ben, "c")
    set_active(ben, False, ada)
    assert user_of_token(f"Bearer {ours}") is None


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic abc", "Bearer " + "x" * 5000])
def test_no_nonsense_header_is_anybody(header: str) -> None:
    assert user_of_token(header) is None


def test_nobody_revokes_the_token_of_another(as_ben: Client, ada: User) -> None:
    token, _ = make_token(ada, "a")
    as_ben.post(f"/account/tokens/{token.pk}/revoke/")
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_a_new_password_signs_other_browsers_out(ada: User, as_ada: Client) -> None:
    other = Client()
    other.force_login(ada)
    form = {"part": "password", "old": PASSWORD, "new": "a much longer sentence"}
    assert as_ada.post("/account/", form).status_code == 302
    assert as_ada.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_a_weak_or_unproven_password_comes_back_with_a_sentence(as_ada: Client) -> None:
    wrong = {"part": "password", "old": "no", "new": "a much longer sentence"}
    assert b"That is not your present password." in as_ada.post("/account/", wrong).content
    short = {"part": "password", "old": PASSWORD, "new": "short"}
    assert b"at least 10 characters" in as_ada.post("/account/", short).content


def test_only_administrators_see_people_and_the_audit_log(
    as_ada: Client, as_admin: Client, ben: User
) -> None:
    for path in ("/users/", "/audit/", f"/users/{ben.pk}/password/"):
        assert as_ada.get(path).status_code == 404, path
        assert as_admin.get(path).status_code == 200, path


def test_an_administrator_makes_and_deactivates_people(
    as_admin: Client, admin: User, client: Client
) -> None:
    new = {"username": "eve", "display_name": "Eve", "password": "long enough words"}
    assert as_admin.post("/users/", new).status_code == 302
    assert (
        b"already a user called EVE" in as_admin.post("/users/", new | {"username": "EVE"}).content
    )
    eve = User.objects.get(username="eve")
    assert try_in(client, "eve", "long enough words").status_code == 302
    as_admin.post(f"/users/{eve.pk}/active/", {"active": "0"})
    assert client.get("/").status_code == 302
    as_admin.post(f"/users/{admin.pk}/active/", {"active": "0"})
    admin.refresh_from_db()
    assert admin.is_active


def test_an_audit_line_cannot_be_forged(ada: User) -> None:
    entry = audit(ada, "upload", "a\n2026-01-01 root deleted everything")
    assert "\n" not in entry.about


def test_the_theme_is_kept_and_rendered_by_the_server(as_ada: Client) -> None:
    as_ada.post("/account/theme/", {"theme": "dark"})
    assert b'data-theme="dark"' in as_ada.get("/").content
    as_ada.post("/account/theme/", {"theme": "<script>"})
    assert b"data-theme=" not in as_ada.get("/").content
