"""A training that runs is paused, goes on, and moves to another GPU, all by hand."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests import prepared
from tests.browser.conftest import LONG, Visitor
from tests.product import Product, until

pytestmark = [pytest.mark.browser, pytest.mark.process]
SMALL = {"backbone": "shufflenet_v2_x0_5", "pretrained": False, "retrained": "all"}


@pytest.fixture(scope="module")
def training(product: Product) -> Iterator[int]:
    """A training that would go on for hours, on the first GPU; its job."""
    with product.api() as api:
        assert api.post("/projects", json={"key": "WAY", "name": "Way"}).status_code == 201
        with prepared.shapes().open("rb") as file:
            sent = api.post("/projects/WAY/datasets", data={"name": "shapes"}, files={"file": file})
        wait(api, sent.json()["job"], "succeeded")
        api.post("/projects/WAY/analyses", json={"name": "long", "dataset": "shapes"})
        design = api.get("/projects/WAY/analyses/long").json()
        model = design["models"][0]
        model["params"] |= {**SMALL, "image_size": 64}
        changes = {
            "models": [model],
            "training": {**design["training"], "epochs": 1000, "early_stopping": False},
        }
        changed = api.patch("/projects/WAY/analyses/long", json=changes)
        assert changed.status_code == 200, changed.text
        first = gpus(api)[0]["uuid"]
        begun = api.post(
            "/projects/WAY/analyses/long/train",
            json={"compute": {"kind": "gpus", "uuids": [first]}},
        )
        assert begun.status_code == 201, begun.text
        number = begun.json()["jobs"][0]
        checkpoint(api, number)
        yield number
        api.post(f"/jobs/{number}/stop", json={"how": "cancel"})
        wait(api, number, "cancelled")


def gpus(api: Any) -> list[dict[str, Any]]:
    return [gpu for node in api.get("/gpus").json()["nodes"] for gpu in node["gpus"]]


def wait(api: Any, number: int, *states: str) -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"/jobs/{number}").json()
        return job if job["state"] in states else None

    found: dict[str, Any] = until(there, f"job {number} to be {states}")
    return found


def checkpoint(api: Any, number: int) -> None:
    """Wait until it has run through an epoch."""
    until(
        lambda: (api.get(f"/jobs/{number}").json()["metrics"] or {}).get("epoch"),
        f"an epoch of job {number}",
    )


def test_a_job_is_paused_and_shows_what_it_keeps(user: Visitor, training: int) -> None:
    user.go(f"/p/WAY/jobs/{training}/")
    expect(user.page.get_by_role("heading", name="Checkpoints")).to_be_visible()
    user.inspect("job_running")
    user.page.get_by_role("button", name="Pause").click()
    why = user.page.locator("#reason")
    expect(why.get_by_text(re.compile(r"^Paused by .* It goes on "))).to_be_visible()
    expect(user.page.get_by_role("button", name="Resume")).to_be_visible()
    expect(user.page.locator("[data-f=state]").get_by_text("Paused")).to_be_visible()
    expect(user.page.get_by_text("Gave way")).to_be_visible()
    user.inspect("job_paused")
    with user.product.api() as api:
        until(lambda: gpus(api)[0]["state"] == "free", "the GPU to be free")
        assert api.get(f"/jobs/{training}").json()["paused"]


def test_the_session_page_goes_on_from_the_checkpoint(user: Visitor, training: int) -> None:
    user.go("/p/WAY/lab/long/sessions/1/")
    expect(user.page.locator("[data-pill]").get_by_text("Paused")).to_be_visible()
    user.inspect("session_paused")
    user.page.get_by_role("button", name="Resume").click()
    expect(user.page.get_by_role("button", name="Pause")).to_be_visible()
    expect(user.page.locator("[data-pill]").get_by_text("Training")).to_be_visible(timeout=LONG)
    expect(user.page.get_by_text(re.compile(r"Goes on (after|in) epoch")).first).to_be_visible()
    user.inspect("session_resumed")


def test_a_running_job_moves_to_a_gpu_that_is_picked_on_live_tiles(
    user: Visitor, training: int
) -> None:
    with user.product.api() as api:
        wait(api, training, "running")
        there = gpus(api)[2]
    user.go("/p/WAY/lab/long/sessions/1/")
    user.page.get_by_role("button", name="Move…").click()
    dialog = user.page.locator("dialog#move")
    dialog.get_by_text("Choose GPUs").click()
    expect(dialog.get_by_text("Live")).to_be_visible()
    expect(dialog.locator("[data-gpu]")).to_have_count(4)
    user.inspect("move_dialog")
    for box in dialog.get_by_role("checkbox").all():
        box.set_checked(box.get_attribute("value") == there["uuid"])
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog).to_be_hidden()

    def moved() -> bool:
        with user.product.api() as api:
            job = api.get(f"/jobs/{training}").json()
        return job["state"] == "running" and [one["uuid"] for one in job["gpus"]] == [there["uuid"]]

    until(moved, "the job to run on the third GPU")
    user.go(f"/p/WAY/jobs/{training}/")
    expect(user.page.get_by_text("Gave way")).to_have_count(2)
    expect(user.page.get_by_text(re.compile("Stopped to go on elsewhere")).first).to_be_visible()
    user.inspect("job_moved")


def test_a_move_to_nowhere_or_to_where_it_is_stays_in_the_dialog_and_says_why(
    user: Visitor, training: int
) -> None:
    user.go(f"/p/WAY/jobs/{training}/")
    user.page.get_by_role("button", name="Move…").click()
    dialog = user.page.locator("dialog#move")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("runs on just these GPUs already")
    for box in dialog.get_by_role("checkbox").all():
        box.set_checked(False)
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("GPU")
    user.inspect("move_refused")
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_be_hidden()
