"""A new user's ten minutes, as one story: each test goes on where the one before it ended."""

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visitor
from tests.product import DATA, Product, until

pytestmark = [pytest.mark.browser, pytest.mark.process]
PHOTOS = DATA / "hymenoptera.zip"
LONG = 600_000  # milliseconds until a hopeless wait is given up; no statement about speed


@pytest.fixture(scope="module")
def user(browser: Browser, product: Product) -> Any:
    """One person with one window for the whole story."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    one = Visitor(context.new_page(), product)
    one.go("/login/")
    one.inspect("sign_in")
    one.sign_in()
    yield one
    context.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real photos where they are; where not, the demo's generator makes some."""
    if PHOTOS.exists():
        return PHOTOS
    from recipes.data import demo

    target = tmp_path_factory.mktemp("photos") / "hymenoptera.zip"
    demo.write(target)
    return target


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
    user.page.locator("main a[href*='/p/DEMO/lab/']").first.click()
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
