"""A new user's ten minutes, design and training: each test goes on from the last."""

import re

import httpx
import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.browser.conftest import LONG, Visitor, choose, over, settled
from tests.product import until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_a_design_says_what_is_wrong_beside_the_field(user: Visitor) -> None:
    user.go("/p/INSECTS/analyses/new/?dataset=hymenoptera")
    user.inspect("analysis_new")
    user.page.get_by_label("Name").fill("sorter")
    user.page.get_by_role("button", name="Create analysis").click()
    user.page.wait_for_url(re.compile("/p/INSECTS/lab/sorter/"))
    for tab in (
        "target",
        "split",
        "metrics",
        "architecture",
        "training",
        "augmentation",
        "runtime",
    ):
        user.go(f"/p/INSECTS/lab/sorter/design/{tab}/")
        user.inspect(f"design_{tab}")
    user.go("/p/INSECTS/lab/sorter/design/training/")
    epochs = user.page.get_by_label("Epochs", exact=True)
    epochs.fill("0")
    epochs.blur()
    expect(user.page.get_by_text("'Epochs' must lie between 1 and 1000, not 0.")).to_be_visible()
    user.inspect("design_wrong_value")
    epochs.fill("20")
    epochs.blur()
    expect(user.page.get_by_text("'Epochs' must lie between 1 and 1000, not 0.")).to_be_hidden()


def test_the_preview_shows_the_users_own_pictures(user: Visitor) -> None:
    user.go("/p/INSECTS/lab/sorter/design/augmentation/")
    expect(user.page.locator("main img").nth(3)).to_be_visible(timeout=LONG)
    user.inspect("design_preview")


def test_train_shows_every_gpu_and_says_whether_this_job_fits(user: Visitor) -> None:
    with user.product.api() as api:  # a new node counts its backbones for a minute
        address, ask = "/projects/INSECTS/analyses/sorter/fit", {"compute": {"kind": "cpu"}}
        until(
            lambda: api.post(address, json=ask).json()["need"]["bytes"],
            "the node to have counted its backbones",
        )
    user.go("/p/INSECTS/lab/sorter/")
    user.page.get_by_role("button", name="Train").first.click()
    dialog = user.page.locator("dialog#train")
    expect(dialog.get_by_text("H100").first).to_be_visible()
    expect(dialog.get_by_text(re.compile("[Ss]imulated")).first).to_be_visible()
    expect(dialog.get_by_text("Fits").first).to_be_visible()
    user.inspect("train_automatic")
    choose(dialog, "Choose GPUs")
    tiles = dialog.locator("input[type=checkbox][name=uuid], input[type=checkbox][name=gpu]")
    for number in (0, 1):
        tiles.nth(number).check()
        settled(dialog)
    expect(dialog.get_by_text(re.compile("32 per GPU . 2 = 64"))).to_be_visible()
    user.inspect("train_two_gpus")
    choose(dialog, "CPU only")
    expect(dialog.get_by_label(re.compile("Ranks"))).to_be_visible()
    user.inspect("train_cpu")
    dialog.get_by_label("Close").click()


def test_two_simulated_gpus_train_and_the_page_follows(user: Visitor) -> None:
    page = user.page
    page.get_by_role("button", name="Train").first.click()
    dialog = page.locator("dialog#train")
    choose(dialog, "CPU only")
    dialog.get_by_label(re.compile("Ranks")).select_option("2")
    settled(dialog)
    until(lambda: trains(page, dialog), "the training to begin")
    at_work = page.get_by_role("status").get_by_text(re.compile("Starting|Training"))
    results = page.get_by_role("button", name="Deploy to Flow").or_(page.locator("#lb"))
    expect(at_work.or_(results).first).to_be_visible()
    user.inspect("training_begins")
    user.go("/p/INSECTS/lab/sorter/sessions/1/")  # loses nothing
    expect(page.locator("[data-plot=loss]").or_(results).first).to_be_visible()
    expect(results.first).to_be_visible(timeout=LONG)
    user.inspect("session_done")


def trains(page: Page, dialog: Locator) -> bool:
    """Where what is shown changed at that moment, the dialog says so, and is clicked again."""
    begun = re.compile("/sessions/1/")
    try:
        dialog.get_by_role("button", name=re.compile("^Train")).click(timeout=20_000)
        page.wait_for_url(begun, timeout=20_000)
    except Error:
        return begun.search(page.url) is not None
    return True


def test_a_running_training_can_be_finished_early_or_cancelled(user: Visitor) -> None:
    page = user.page
    for how, button, sure, end in (
        ("finish", "Finish early…", "Finish early", "Finished early"),
        ("cancel", "Cancel…", "Cancel the session", "Cancelled by"),
    ):
        number = long_training(user)
        page.get_by_role("button", name=button).click()
        user.inspect(f"training_{how}")
        page.locator(f"dialog#{how}").get_by_role("button", name=sure, exact=True).click()
        with user.product.api() as api:
            address = f"/projects/INSECTS/analyses/sorter/sessions/{number}"
            job = over(api, api.get(address).json()["models"][0]["job"])
            assert end in job["reason"], job
            # The leases go once the processes have: the job is over a moment before.
            until(lambda: free(api), "its GPUs to be free")


def free(api: httpx.Client) -> bool:
    gpus = [gpu for node in api.get("/gpus").json()["nodes"] for gpu in node["gpus"]]
    return all(gpu["holder"] is None for gpu in gpus)


def long_training(user: Visitor) -> int:
    """As many epochs as there may be, on two simulated GPUs, up to its first; its session."""
    user.go("/p/INSECTS/lab/sorter/")
    with user.product.api() as api:
        change = {"training": {"epochs": 1000, "early_stopping": False}}
        assert api.patch("/projects/INSECTS/analyses/sorter", json=change).status_code == 200
        gpus = api.get("/gpus").json()["nodes"][0]["gpus"]
        compute = {"kind": "gpus", "uuids": [gpu["uuid"] for gpu in gpus[:2]]}
        answer = api.post("/projects/INSECTS/analyses/sorter/train", json={"compute": compute})
        assert answer.status_code == 201, answer.text
        number, job = int(answer.json()["session"]), answer.json()["jobs"][0]
        user.go(f"/p/INSECTS/lab/sorter/sessions/{number}/")
        until(
            lambda: api.get(f"/jobs/{job}").json()["metrics"].get("epoch", 0) >= 1,
            "the first epoch",
        )
    user.inspect("training_runs")
    return number
