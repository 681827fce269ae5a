"""A new user's ten minutes, as one story: each test goes on where the one before it ended."""

import re
import zipfile
from pathlib import Path
from typing import Any

import httpx
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


@pytest.fixture(autouse=True)
def nothing_ugly(user: Visitor) -> Any:
    """Each test ends with what axe, the console and the window's width had to say."""
    yield
    user.judge()


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
    user.go("/p/INSECTS/lab/sorter/")
    user.page.get_by_role("button", name="Train").first.click()
    dialog = user.page.locator("dialog#train")
    expect(dialog.get_by_text("H100").first).to_be_visible()
    expect(dialog.get_by_text(re.compile("[Ss]imulated")).first).to_be_visible()
    expect(dialog.get_by_text("Fits").first).to_be_visible()
    user.inspect("train_automatic")
    dialog.get_by_text("Choose GPUs").click()
    tiles = dialog.locator("input[type=checkbox][name=uuid], input[type=checkbox][name=gpu]")
    tiles.nth(0).check()
    tiles.nth(1).check()
    expect(dialog.get_by_text(re.compile("32 per GPU . 2 = 64"))).to_be_visible()
    user.inspect("train_two_gpus")
    dialog.get_by_text("CPU only").click()
    expect(dialog.get_by_label(re.compile("Ranks"))).to_be_visible()
    user.inspect("train_cpu")
    dialog.get_by_label("Close").click()


def test_two_simulated_gpus_train_and_the_page_follows(user: Visitor) -> None:
    page = user.page
    page.get_by_role("button", name="Train").first.click()
    dialog = page.locator("dialog#train")
    dialog.get_by_text("CPU only").click()
    dialog.get_by_label(re.compile("Ranks")).select_option("2")
    dialog.get_by_role("button", name=re.compile("^Train")).click()
    page.wait_for_url(re.compile("/sessions/1/"))
    expect(page.get_by_role("status").get_by_text(re.compile("Starting|Training|Running")).first)
    user.inspect("training_begins")
    page.reload()  # loses nothing
    page.wait_for_selector("[data-plot=loss], .res", timeout=LONG)
    expect(page.get_by_text(re.compile("Deploy to Flow|Models, best first")).first).to_be_attached(
        timeout=LONG
    )
    user.inspect("session_done")


def test_a_running_training_can_be_finished_early_or_cancelled(user: Visitor) -> None:
    page = user.page
    for how, button, sure, end in (
        ("finish", "Finish early…", "Finish early", "Finished early"),
        ("cancel", "Cancel…", "Cancel the session", "Cancelled by"),
    ):
        long_training(user)
        page.get_by_role("button", name=button).click()
        user.inspect(f"training_{how}")
        page.locator(f"dialog#{how}").get_by_role("button", name=sure, exact=True).click()
        number = int(page.url.rstrip("/").rpartition("/")[2])
        with user.product.api() as api:
            address = f"/projects/INSECTS/analyses/sorter/sessions/{number}"
            job = over(api, api.get(address).json()["models"][0]["job"])
            assert end in job["reason"], job
            gpus = [gpu for node in api.get("/gpus").json()["nodes"] for gpu in node["gpus"]]
            assert all(gpu["holder"] is None for gpu in gpus)


def long_training(user: Visitor) -> None:
    """All layers for many epochs on two simulated GPUs, up to its first step."""
    user.go("/p/INSECTS/lab/sorter/")
    with user.product.api() as api:
        change = {"training": {"epochs": 300, "early_stopping": False}}
        assert api.patch("/projects/INSECTS/analyses/sorter", json=change).status_code == 200
        gpus = api.get("/gpus").json()["nodes"][0]["gpus"]
        compute = {"kind": "gpus", "uuids": [gpu["uuid"] for gpu in gpus[:2]]}
        answer = api.post("/projects/INSECTS/analyses/sorter/train", json={"compute": compute})
        assert answer.status_code == 201, answer.text
        number, job = answer.json()["session"], answer.json()["jobs"][0]
        user.go(f"/p/INSECTS/lab/sorter/sessions/{number}/")
        until(
            lambda: api.get(f"/jobs/{job}").json()["metrics"].get("epoch", 0) >= 1,
            "the first epoch",
            seconds=LONG / 1000,
        )
    user.inspect("training_runs")


def over(api: httpx.Client, number: int) -> dict[str, Any]:
    """The job, once it has ended."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"/jobs/{number}").json()
        return job if job["state"] in ("succeeded", "failed", "cancelled") else None

    job: dict[str, Any] = until(ended, f"job {number} to end", seconds=LONG / 1000)
    return job


def test_the_results_answer_what_one_asks(user: Visitor) -> None:
    page = user.page
    user.go("/p/INSECTS/lab/sorter/results/")
    user.inspect("results")
    user.go("/p/INSECTS/lab/sorter/sessions/1/")
    page.locator("main a[href*='/trained-models/']").first.click()
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


def test_a_model_is_deployed_retrained_and_scores(
    user: Visitor, photos: Path, tmp_path: Path
) -> None:
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
            files={"file": flat(photos, tmp_path).open("rb")},
        )
        over(api, answer.json()["job"])
    user.go("/p/INSECTS/flow/new-recipe/")
    user.inspect("recipe_new")
    page.get_by_label("Images to score").select_option("new")
    page.get_by_label("Output dataset").fill("scored")
    page.get_by_role("button", name="Create and run").click()
    with user.product.api() as api:
        until(
            lambda: api.get("/projects/INSECTS/datasets/scored").json().get("state") == "ready",
            "the scores",
        )
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
