"""What the Train dialog asks beyond which GPUs, on two simulated nodes, and what it answers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import Visitor, settled, visiting
from tests.product import Product, running, until

pytestmark = [pytest.mark.browser, pytest.mark.process]
FLEET = "alpha:4xH100-80GB,1xH100-80GB:3g.40gb+1g.10gb;beta:2xA100-40GB,2xH100-80GB"
SORTER = "/p/DEMO/lab/sorter/"
DESIGN = "/projects/DEMO/analyses/sorter"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("options")
    with running(home / "home", TRACKSIDE_FLEET=FLEET) as one:
        with one.api() as api:
            until(lambda: _ready(api), "the photos to be imported")
            new = {"name": "sorter", "dataset": "surface_defects"}
            assert api.post("/projects/DEMO/analyses", json=new).status_code == 201
            ask = {"compute": {"kind": "cpu"}}
            until(
                lambda: api.post(f"{DESIGN}/fit", json=ask).json()["need"]["bytes"],
                "estimates",
            )
        yield one


def _ready(api: Any) -> bool:
    return bool(api.get("/projects/DEMO/datasets/surface_defects").json()["state"] == "ready")


@pytest.fixture(scope="module")
def user(browser: Browser, product: Product) -> Iterator[Visitor]:
    with visiting(browser, product) as one:
        one.sign_in()
        yield one


def dialog(user: Visitor, mode: str) -> Locator:
    """The dialog, opened by its own address, in one of its three modes."""
    user.go("/projects/")
    user.go(f"{SORTER}train/")
    found = user.page.locator("dialog#train")
    compute = found.get_by_role("radiogroup", name="Compute")
    compute.get_by_text(mode).click()
    expect(compute.get_by_role("radio", name=mode)).to_be_checked()
    settled(found)
    return found


def say(found: Locator, label: str, value: str) -> None:
    field = found.get_by_label(label)
    field.fill(value)
    field.blur()
    settled(found)


def test_automatic_asks_how_many_of_what_and_on_how_many_nodes(user: Visitor) -> None:
    found = dialog(user, "Automatic")
    expect(found).to_be_visible()
    say(found, "Number of GPUs", "2")
    found.get_by_label("Model").select_option(label="A100 40 GB")
    expect(found.get_by_text("Starts now")).to_be_visible()
    expect(found.get_by_text("beta with GPU 0 and 1")).to_be_visible()
    user.inspect("options_automatic")
    found.get_by_label("Model").select_option("")
    say(found, "Number of GPUs", "6")
    expect(found.get_by_role("button", name="Fix the choice")).to_be_visible()
    found.get_by_label("Allow several nodes").check()
    expect(found.get_by_text("Starts now across 2 nodes:")).to_be_visible()
    expect(found.get_by_text("alpha with 4 ranks (GPU 0, 1, 2 and 3), beta with")).to_be_visible()
    expect(found.locator(".would")).to_have_count(6)
    user.inspect("options_several_nodes")
    say(found, "Least free memory", "200")
    expect(found.get_by_role("alert").get_by_text("200.0 GiB")).to_be_visible()


def test_sharing_fills_in_a_budget_and_says_that_it_does_not_isolate(user: Visitor) -> None:
    found = dialog(user, "Choose GPUs")
    expect(found.get_by_label("Memory budget")).to_have_count(0)
    found.get_by_role("radio", name="Shared").check(force=True)
    budget = found.get_by_label("Memory budget")
    expect(budget).to_have_value(re.compile(r"^\d+\.\d$"))
    expect(found.get_by_text("Sharing without MIG gives no isolation.")).to_be_visible()
    user.inspect("options_shared")
    before = budget.input_value()
    found.get_by_label("Batch size for").first.select_option("256")
    expect(budget).not_to_have_value(before)  # it follows the estimate until somebody types
    budget.fill("30")
    budget.blur()
    expect(found.get_by_text("needs 30.0").first).to_be_visible()
    found.get_by_label("Batch size for").first.select_option("16")
    settled(found)
    expect(budget).to_have_value("30.0")
    budget.fill("1")
    budget.blur()
    found.get_by_label("Batch size for").first.select_option("512")
    expect(found.get_by_text(re.compile("the budget 1.0 GiB"))).to_be_visible()


def test_slices_are_isolated_and_train_alone(user: Visitor) -> None:
    found = dialog(user, "Choose GPUs")
    expect(found.get_by_text("MIG slices").first).to_be_visible()
    slices = found.locator("label.t").filter(has_text="MIG")
    expect(slices).to_have_count(2)
    ticked = found.locator('input[name="gpu"]:checked')
    expect(ticked).to_have_count(1)  # a whole GPU
    slices.nth(0).locator("input").check()
    settled(found)
    expect(ticked).to_have_count(1)
    expect(found.get_by_role("button", name="Train 1 model on 1 GPU")).to_be_visible()
    user.inspect("options_slices")


def test_a_look_at_the_cpu_does_not_forget_the_ticked_gpus(user: Visitor) -> None:
    found = dialog(user, "Choose GPUs")
    boxes = found.locator('input[name="gpu"]')
    for number in (1, 2):
        boxes.nth(number).check()
        settled(found)
    ticked = found.locator('input[name="gpu"]:checked')
    before = ticked.evaluate_all("all => all.map(one => one.value)")
    compute = found.get_by_role("radiogroup", name="Compute")
    for mode in ("CPU only", "Choose GPUs"):
        compute.get_by_text(mode).click()
        settled(found)
    expect(ticked).to_have_count(len(before))
    assert ticked.evaluate_all("all => all.map(one => one.value)") == before


def test_chosen_gpus_say_how_they_are_linked_and_may_be_on_two_nodes(user: Visitor) -> None:
    found = dialog(user, "Choose GPUs")
    tiles = found.locator('input[name="gpu"]')
    tiles.nth(1).check()
    settled(found)
    expect(found.get_by_text("GPU 0 and 1 of alpha are joined by NVLink")).to_be_visible()
    mixed = found.get_by_role("region", name="beta").locator('input[name="gpu"]')
    mixed.nth(0).check()
    expect(found.get_by_text("alpha with 2 ranks, beta with 1 rank")).to_be_visible()
    expect(found.get_by_text("goes over the network")).to_have_count(0)
    expect(found.get_by_text(re.compile("gradients go over the network"))).to_be_visible()
    user.inspect("options_two_nodes")
    for box in (tiles.nth(0), tiles.nth(1)):
        box.uncheck()
        settled(found)
    mixed.nth(2).check()
    expect(found.get_by_text(re.compile("of beta are not joined by NVLink"))).to_be_visible()


def test_what_waits_says_for_whom_and_a_known_end_starts_it_in_the_gap(user: Visitor) -> None:
    with user.product.api() as api:
        change = {"training": {"epochs": 500, "early_stopping": False}}
        assert api.patch(DESIGN, json=change).status_code == 200
        alpha = api.get("/gpus").json()["nodes"][0]["gpus"]
        first = _train(api, {"kind": "gpus", "uuids": [alpha[0]["uuid"]], "max_seconds": 7200})
        both = {"kind": "gpus", "uuids": [one["uuid"] for one in alpha[:2]]}
        second = _train(api, both)
        assert api.get(f"/jobs/{second}").json()["state"] == "queued"
    try:
        _sees_the_queue(user, second)
    finally:
        with user.product.api() as api:
            for job in (second, first):
                api.post(f"/jobs/{job}/stop", json={"how": "cancel"})


def _train(api: Any, compute: dict[str, Any]) -> int:
    answer = api.post(f"{DESIGN}/train", json={"compute": compute})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["jobs"][0])


def _sees_the_queue(user: Visitor, waits: int) -> None:
    found = dialog(user, "Choose GPUs")
    boxes = found.locator('input[name="gpu"]')
    for number in range(boxes.count()):
        boxes.nth(number).set_checked(number == 1)
        settled(found)
    expect(found.get_by_text(re.compile(f"is reserved for job {waits}"))).to_be_visible()
    expect(found.get_by_role("button", name="Queue 1 model on 1 GPU")).to_be_visible()
    user.inspect("options_waits")
    found.get_by_role("button", name="Longest run 1 h").click()
    expect(found.get_by_text("Starts by back-fill.")).to_be_visible()
    expect(found.get_by_label("Longest run", exact=True)).to_have_value("1")
    say(found, "Longest run", "0.5")
    expect(found.get_by_text("Starts by back-fill.")).to_be_visible()
    expect(found.get_by_role("button", name="Train 1 model on 1 GPU")).to_be_visible()
    found.get_by_label("May be preempted").check()
    say(found, "Priority", "7")
    user.inspect("options_back_fill")
    found.get_by_role("button", name="Train 1 model on 1 GPU").click()
    user.page.wait_for_url(re.compile("/sessions/"))
    _says_its_turn(user, waits)


def _says_its_turn(user: Visitor, waits: int) -> None:
    with user.product.api() as api:
        mine = api.get("/jobs?limit=1").json()["jobs"][0]
        asked = mine["compute"]
        assert (asked["priority"], asked["preemptible"], asked["max_seconds"]) == (7, True, 1800)
        assert mine["state"] != "queued", mine
        user.go("/p/DEMO/jobs/")
        line = user.page.locator(f'[data-job="{waits}"]')
        expect(line.get_by_text("Next of 1 in the queue")).to_be_visible()
        expect(line.get_by_text(re.compile("Waits: GPU 0"))).to_be_visible()
        user.inspect("options_jobs")
        line.get_by_role("link", name="See the queue").click()
        expect(user.page.get_by_role("heading", name="GPUs", exact=True)).to_be_visible()
        api.post(f"/jobs/{mine['id']}/stop", json={"how": "cancel"})
