"""The frame of every page: headers, errors, empty states, the fleet, forms from cards."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.utils import timezone

from recipes.params import Choice, Flag, Number, Params, Whole
from trackside.accounts.models import User
from trackside.compute.models import Gpu, Node
from trackside.projects.models import Project
from trackside.ui import errors, gpu_words, words
from trackside.ui.param_forms import form_for

PAGES = ("/", "/projects/new/", "/gpus/", "/account/", "/users/", "/audit/")
PROJECT_PAGES = ("datasets/", "upload/", "settings/")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize("address", [*PAGES, *(f"/p/INSECTS/{one}" for one in PROJECT_PAGES)])
def test_empty_pages_open_and_are_strict(
    as_admin: Client, admin: User, project: Project, address: str
) -> None:
    project.members.create(user=admin, role="owner")  # type: ignore[attr-defined]
    page = as_admin.get(address)
    assert page.status_code == 200
    strict(page)


def strict(page: Any) -> None:
    policy = page["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for name, value in HEADERS.items():
        assert page[name] == value
    text = page.content.decode()
    assert "style=" not in text
    assert "onclick=" not in text
    assert text.count("<h1") == 1
    scripts = [part.split(">")[0] for part in text.split("<script")[1:]]
    assert all("src=" in one or "application/json" in one for one in scripts)


@pytest.mark.parametrize("address", ["/login/", "/healthz", "/nothing/here"])
def test_pages_before_the_door_are_strict_too(client: Client, db: None, address: str) -> None:
    page = client.get(address)
    assert "default-src 'self'" in page["Content-Security-Policy"]
    for name, value in HEADERS.items():
        assert page[name] == value


def test_an_unknown_host_is_refused(client: Client, db: None) -> None:
    import logging

    logging.getLogger("django.security.DisallowedHost").setLevel(logging.CRITICAL)
    assert client.get("/login/", headers={"Host": "evil.example"}).status_code == 400


def test_no_other_site_may_read_anything(as_ada: Client) -> None:
    page = as_ada.get("/", headers={"Origin": "https://evil.example"})
    assert not [name for name in page.headers if name.startswith("Access-Control")]


def test_errors_of_rest_are_json_and_of_pages_are_pages(db: None) -> None:
    web, rest = RequestFactory().get("/x"), RequestFactory().get("/api/v1/x")
    for answer, status in (
        (errors.bad_request, 400),
        (errors.forbidden, 403),
        (errors.not_found, 404),
    ):
        page = answer(web, Exception("Because."))
        assert (page.status_code, page["Content-Type"][:9]) == (status, "text/html")
        told = answer(rest, Exception("Because."))
        assert (told.status_code, told["Content-Type"]) == (status, "application/json")
    assert errors.broken(web).status_code == errors.broken(rest).status_code == 500


def test_readiness_names_what_is_missing(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["nodes"] != answer.json()["database"]
    assert "No node" in answer.json()["nodes"]


def test_a_simulated_fleet_is_labelled_on_every_page(as_ada: Client, monkeypatch: Any) -> None:
    assert b"Simulated GPUs" not in as_ada.get("/").content
    monkeypatch.setattr(settings, "TRACKSIDE_FAKE_GPUS", "4xH100-80GB")
    for address in ("/", "/account/", "/gpus/"):
        assert b"Simulated GPUs" in as_ada.get(address).content


def test_the_fleet_shows_nodes_tiles_and_why_there_is_no_gpu(as_ada: Client) -> None:
    now = timezone.now()
    why = {
        "code": "no_driver",
        "text": "The driver is not loaded.",
        "steps": ["Run modprobe nvidia."],
    }
    Node.objects.create(name="bare", queue="a", heartbeat_at=now, why_no_gpu=why)
    node = Node.objects.create(name="big", queue="b", heartbeat_at=now, simulated=True)
    Gpu.objects.create(
        uuid="GPU-1",
        node=node,
        index=0,
        name="NVIDIA H100 80GB HBM3",
        memory_total=80 << 30,
        memory_used=1 << 30,
        sampled_at=now,
    )
    page = as_ada.get("/gpus/").content.decode()
    for words_on_it in ("bare", "The driver is not loaded.", "Run modprobe nvidia.", "simulated"):
        assert words_on_it in page
    assert 'data-gpu="GPU-1"' in page
    assert "H100 80GB<" in page
    assert "79.0</b> GiB free of 80.0" in page


@pytest.mark.parametrize(
    ("state", "verdict", "says"),
    [
        ("free", None, "Free"),
        ("free", "fits", "Fits"),
        ("busy", "busy", "Busy, 2 queued"),
        ("free", "too_small", "Too small"),
        ("foreign", "no_room_now", "No room now"),
        ("failed", "fits", "Failed"),
        ("stale", "fits", "No news"),
    ],
)
def test_a_tile_says_what_counts(state: str, verdict: str | None, says: str) -> None:
    gpu = {"state": state, "queue": 2, "memory_total": 80, "memory_used": 20, "holder": None}
    told = {"verdict": verdict, "needs": 40} if verdict else None
    assert gpu_words.look(gpu, told)[1] == says
    bars = gpu_words.bars(gpu, told)
    assert float(bars["used"]) + float(bars["needs"]) <= gpu_words.WIDTH


CARD = Params(
    (
        Choice(
            name="retrained",
            label="Retrained layers",
            default="auto",
            options=(("auto", "Automatic", "By device."), ("all", "All", "")),
            shape="radio",
        ),
        Whole(name="epochs", label="Epochs", default=10, minimum=1, maximum=300),
        Number(
            name="rate", label="Learning rate", default=0.001, minimum=0, maximum=1, advanced=True
        ),
        Flag(name="flip", label="Flip", default=True),
        Whole(
            name="patience",
            label="Patience",
            default=3,
            minimum=1,
            maximum=50,
            when=("retrained", ("all",)),
        ),
    )
)


def test_a_form_from_a_card_gives_clean_values() -> None:
    form = form_for(CARD, {"retrained": "all", "epochs": "12", "rate": "3e-4", "patience": "5"})
    assert form.is_valid(), form.errors
    assert form.values == {
        "retrained": "all",
        "epochs": 12,
        "rate": 0.0003,
        "flip": False,
        "patience": 5,
    }


def test_a_wrong_value_comes_back_with_the_cards_own_sentence_beside_it() -> None:
    form = form_for(CARD, {"retrained": "none", "epochs": "0", "rate": "nan", "patience": "x"})
    assert not form.is_valid()
    assert form.errors["epochs"] == ["'Epochs' must lie between 1 and 300, not 0."]
    assert form.errors["rate"] == ["'Learning rate' must be a number, not 'nan'."]
    assert "must be one of" in form.errors["retrained"][0]
    html = str(form["epochs"].as_field_group())
    assert 'aria-describedby="id_epochs_error"' in html
    assert 'id="id_epochs_error"' in html
    assert 'aria-invalid="true"' in html
    assert form.groups()[0].open


def test_a_fresh_form_has_the_cards_defaults_under_what_was_saved() -> None:
    form = form_for(CARD, initial={"epochs": 40, "gone": 1}, prefix="training")
    html = "".join(str(one.as_field_group()) for one in form)
    assert 'name="training-epochs"' in html
    assert 'value="40"' in html
    assert 'data-when="retrained=all"' in html
    assert html.count("checked") == 2


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7500, "2 h 05"),
        (None, "\u2013"),
    ],
)
def test_times_read_well(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_sizes_and_counts_read_well() -> None:
    assert [words.size(n) for n in (0, 1023, 1024, 5 * 2**30)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
    ]
    assert words.plural(1, "class,classes") == "1 class"
    assert words.plural(1200, "class,classes") == "1,200 classes"
