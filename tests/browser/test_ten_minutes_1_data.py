"""A new user's ten minutes, the data: each test goes on from the last."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONG, PHOTOS, Visitor
from tests.product import until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_the_demo_is_ready_to_be_trained(user: Visitor) -> None:
    user.go("/")
    user.inspect("projects")
    with user.product.api() as api:
        until(
            lambda: [
                one
                for one in api.get("/projects/DEMO/flow").json()["nodes"]
                if one.get("state") == "ready"
            ],
            "the demo's photos to be imported",
        )
    user.go("/p/DEMO/lab/")
    user.inspect("lab_demo")
    user.follow(user.page.locator("main a[href*='/p/DEMO/lab/']").first)
    expect(user.page.get_by_role("button", name="Train").first).to_be_enabled()
    user.inspect("design_demo")


def test_a_project_begins_with_empty_pages_that_say_what_to_do(user: Visitor) -> None:
    user.go("/projects/new/")
    user.inspect("project_new")
    user.page.get_by_label("Name", exact=True).fill("Insects")
    user.page.get_by_role("button", name="Make the project").click()
    user.page.wait_for_url(re.compile("/p/INSECTS/"))
    for page in ("", "datasets/", "lab/", "models/", "jobs/", "upload/", "settings/"):
        user.go(f"/p/INSECTS/{page}")
        user.inspect(f"empty_{page.strip('/') or 'flow'}")


def test_photos_are_uploaded_and_the_odd_file_is_listed(user: Visitor, photos: Path) -> None:
    user.go("/p/INSECTS/upload/")
    user.page.locator("input[type=file]").set_input_files(photos)
    user.page.locator("#go").click()
    user.page.wait_for_url(re.compile("/p/INSECTS/datasets/hymenoptera/"), timeout=LONG)
    expect(user.page.get_by_text(re.compile("Ready")).first).to_be_visible(timeout=LONG)
    user.go("/p/INSECTS/datasets/hymenoptera/")
    expect(user.page.locator("main img").first).to_be_visible()
    user.inspect("dataset_images")
    user.go("/p/INSECTS/datasets/hymenoptera/?tab=summary")
    user.inspect("dataset_summary")
    user.go("/p/INSECTS/datasets/hymenoptera/?tab=problems")
    if photos == PHOTOS:
        expect(user.page.get_by_text(re.compile("GIF")).first).to_be_visible()
    user.inspect("dataset_problems")


def test_a_bad_upload_gets_a_sentence(user: Visitor, tmp_path: Path) -> None:
    bad = tmp_path / "notes.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("readme.txt", "no pictures here")
    user.go("/p/INSECTS/upload/")
    user.page.locator("input[type=file]").set_input_files(bad)
    user.page.locator("#go").click()
    user.page.wait_for_url(re.compile("/p/INSECTS/datasets/notes/"), timeout=LONG)
    expect(user.page.get_by_text("Failed").first).to_be_visible(timeout=LONG)
    user.inspect("dataset_failed")
