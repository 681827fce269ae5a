"""A new user's ten minutes, results, Flow and scores: each test goes on from the last."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONG, Visitor, over
from tests.product import until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_the_results_answer_what_one_asks(user: Visitor) -> None:
    page = user.page
    user.go("/p/INSECTS/lab/sorter/results/")
    user.inspect("results")
    user.go("/p/INSECTS/lab/sorter/sessions/1/")
    user.follow(page.locator("main a[href*='/trained-models/']").first)
    page.wait_for_url(re.compile("/trained-models/"))
    base = re.sub(r"(/trained-models/\d+/).*", r"\1", page.url).removeprefix(user.product.url)
    tabs = ("training", "curves", "metrics", "confusion", "roc", "mistakes", "heat", "whatif")
    for tab in ("", *tabs):
        user.go(f"{base}{tab + '/' if tab else ''}")
        user.inspect(f"model_{tab or 'summary'}")
    user.go(f"{base}heat/")
    page.locator("form[data-explain=numbers] input[type=checkbox]").first.check()
    page.get_by_role("button", name="Show heat maps").click()
    expect(page.locator("[data-heats] img").first).to_be_visible(timeout=LONG)
    user.inspect("model_heat_shown")


def test_what_if_answers_for_a_dropped_image(user: Visitor, tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "mine.jpg"
    Image.effect_noise((300, 240), 60).convert("RGB").save(picture)
    user.go(re.sub(r"heat/$", "whatif/", user.page.url.removeprefix(user.product.url)))
    user.page.locator("input[type=file]").set_input_files(picture)
    expect(user.page.locator("[data-heats] img").first).to_be_visible(timeout=LONG)
    user.inspect("model_whatif_answer")


def test_a_model_is_deployed_and_scores(user: Visitor, photos: Path, tmp_path: Path) -> None:
    page = user.page
    page.get_by_role("button", name="Deploy to Flow").click()
    user.inspect("deploy")
    page.locator("dialog#deploy").get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_url(re.compile("/p/INSECTS/models/"))
    user.inspect("saved_model")
    user.go("/p/INSECTS/")
    user.inspect("flow")
    with user.product.api() as api:
        answer = api.post(
            "/projects/INSECTS/datasets",
            data={"name": "new"},
            files={"file": ("new.zip", flat(photos, tmp_path).read_bytes())},
        )
        over(api, answer.json()["job"])
    user.go("/p/INSECTS/flow/new-recipe/")
    user.inspect("recipe_new")
    page.get_by_label("Data to score").select_option("new")
    page.get_by_label("Output dataset").fill("scored")
    page.get_by_role("button", name="Create and run").click()
    page.wait_for_url(re.compile(r"/jobs/\d+/"))
    with user.product.api() as api:
        until(
            lambda: api.get("/projects/INSECTS/datasets/scored").json().get("state") == "ready",
            "the scores",
        )
    user.go(page.url.removeprefix(user.product.url))  # as it is when its job has ended
    user.inspect("recipe_ran")
    user.go("/p/INSECTS/datasets/scored/")
    expect(page.get_by_text("proba_").first).to_be_visible()
    user.inspect("dataset_scored")
    for name in ("", "models/", "jobs/", "datasets/", "lab/"):
        user.go(f"/p/INSECTS/{name}")
        user.inspect(f"full_{name.strip('/') or 'flow'}")
    user.go("/gpus/")
    user.inspect("gpus")


def flat(photos: Path, place: Path) -> Path:
    target = place / "new.zip"
    with zipfile.ZipFile(photos) as source, zipfile.ZipFile(target, "w") as out:
        for name in sorted(n for n in source.namelist() if n.endswith(".jpg"))[:40]:
            out.writestr(name.rpartition("/")[2], source.read(name))
    return target
