"""A trained model of a table at a browser: its pages, its threshold, deployed and scored."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONG, Visitor, over
from tests.product import DATA, until

pytestmark = [pytest.mark.browser, pytest.mark.process]
TITANIC = DATA / "titanic.csv"
TABS = (
    "summary", "training", "curves", "learning", "metrics", "confusion", "decision", "roc", "pr",
    "lift", "calibration", "density", "predictions", "importance", "partial", "effects",
    "subpopulations", "individual", "whatif", "diagnostics",
)  # fmt: skip


@pytest.fixture(scope="module")
def titanic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The passengers where they lie; else people of the same kind."""
    if TITANIC.exists():
        return TITANIC
    sexes, answers = ("male", "female"), ("no", "yes")
    rows = [
        f"{n % 3 % 2},{sexes[n % 3 % 2]},{n % 70},{n % 97 / 2},{answers[n % 2]}" for n in range(600)
    ]
    path = tmp_path_factory.mktemp("table") / "titanic.csv"
    path.write_text("survived,sex,age,fare,alive\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def model(user: Visitor, titanic: Path) -> dict[str, Any]:
    """Uploaded and trained by REST, without the column that gives the answer away."""
    with user.product.api() as api:
        api.post("/projects", json={"key": "SHIP", "name": "Ship"}).raise_for_status()
        with titanic.open("rb") as file:
            api.post(
                "/projects/SHIP/datasets", data={"name": "people"}, files={"file": file}
            ).raise_for_status()
        until(
            lambda: api.get("/projects/SHIP/datasets/people").json()["state"] == "ready",
            "the table to be taken in",
        )
        api.post(
            "/projects/SHIP/analyses",
            json={"name": "who", "dataset": "people", "target": "survived", "task": "two_class"},
        ).raise_for_status()
        change = {"features": {"alive": {"role": "ignore"}}, "runtime": {"learning_curve": True}}
        api.patch("/projects/SHIP/analyses/who", json=change).raise_for_status()
        begun = api.post("/projects/SHIP/analyses/who/train", json={"compute": {"kind": "cpu"}})
        assert over(api, begun.json()["jobs"][0])["state"] == "succeeded", begun.text
        found: dict[str, Any] = api.get("/projects/SHIP/analyses/who/sessions/1").json()
        return dict(found["models"][0])


def here(model: dict[str, Any], tab: str) -> str:
    return f"/p/SHIP/trained-models/{model['id']}/{tab}/"


def test_every_tab_is_looked_at(user: Visitor, model: dict[str, Any]) -> None:
    for tab in TABS:
        user.go(here(model, tab))
        expect(user.page.locator('.res__nav [aria-current="page"]')).to_be_in_viewport()
        user.inspect(f"table_model_{tab}")


def test_the_threshold_moves_by_the_keyboard_and_stays_on_the_next_page(
    user: Visitor, model: dict[str, Any]
) -> None:
    page = user.page
    with user.product.api() as api:
        report = api.get(f"/projects/SHIP/trained-models/{model['id']}").json()["report"]
    user.go(here(model, "confusion"))
    slider = page.get_by_label(re.compile("Predicted as"))
    slider.focus()
    page.keyboard.press("End")
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    row = next(one for one in report["thresholds"] if one["threshold"] == 0.7)
    for place, name in (("00", "tn"), ("01", "fp"), ("10", "fn"), ("11", "tp")):
        expect(page.locator(f'[data-cell="{place}"]')).to_have_text(str(row[name]))
    page.get_by_label(re.compile("Gain of a row of 0 predicted as 1")).fill("-1000")
    page.get_by_role("button", name="Go there").click()
    expect(page.locator('[data-count="fp"]')).to_have_text("0")
    user.follow(page.get_by_role("button", name="Keep it"))
    expect(page.get_by_text("is kept; the model's own is")).to_be_visible()
    expect(page.get_by_role("button", name="Keep it")).to_be_disabled()
    page.get_by_role("button", name="Model's own").click()
    user.follow(page.get_by_role("button", name="Keep it"))
    expect(page.get_by_text("own threshold is used again")).to_be_visible()
    expect(page.locator("[data-at]")).to_have_text(f"{report['threshold']:.2f}")
    slider.focus()
    page.keyboard.press("End")
    user.follow("Decision chart")
    expect(page.get_by_text("threshold 1.00")).to_be_visible()
    page.locator("svg[data-chart]").hover()
    expect(page.get_by_text(re.compile("Threshold 0.*Precision"))).to_be_visible()


def test_a_cell_leads_to_its_rows(user: Visitor, model: dict[str, Any]) -> None:
    page = user.page
    user.go(here(model, "summary"))
    wrong = page.locator('a[href*="predictions/?true="]').first
    count = wrong.inner_text()
    user.follow(wrong)
    expect(page.get_by_text(re.compile(f"{count} rows?\\."))).to_be_visible()
    user.follow("Show all")
    page.get_by_label("Wrong ones only").check()
    page.wait_for_url(re.compile("only=wrong"))


def test_the_model_answers_questions(user: Visitor, model: dict[str, Any]) -> None:
    page = user.page
    user.go(here(model, "predictions"))
    page.get_by_title("Explain this row").first.click()
    expect(page.locator("#answer .pushes")).to_be_visible(timeout=LONG)
    user.inspect("table_explained_row")
    user.go(here(model, "subpopulations"))
    page.get_by_label("Column").select_option("sex")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("rowheader", name="female")).to_be_visible(timeout=LONG)
    user.inspect("table_groups")
    user.go(here(model, "whatif"))
    page.get_by_label("age", exact=True).fill("old")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_text("takes a number, not 'old'")).to_be_visible()
    user.inspect("table_whatif_wrong")
    page.get_by_label("age", exact=True).fill("40")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_role("heading", name="Predicted survived")).to_be_visible(timeout=LONG)
    expect(page.get_by_label("age", exact=True)).to_have_value("40")
    user.inspect("table_whatif_answer")


def test_it_is_deployed_and_scores_a_table(user: Visitor, model: dict[str, Any]) -> None:
    page = user.page
    user.go(here(model, "summary"))
    page.get_by_role("button", name="Deploy to Flow").click()
    page.get_by_label("Saved model").fill("survivors")
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_url(re.compile("/models/survivors/"))
    user.inspect("table_saved_model")
    user.follow("Score a table")
    user.inspect("table_score_new")
    page.get_by_text("CPU only").click()
    page.get_by_label("Output dataset").fill("scored")
    page.get_by_text("The fastest that agrees").click()
    page.get_by_role("button", name="Create and run").click()
    page.wait_for_url(re.compile(r"/jobs/(\d+)/"))
    with user.product.api() as api:
        job = over(api, int(page.url.rstrip("/").rpartition("/")[2]))
        assert job["state"] == "succeeded", job
    user.go("/p/SHIP/datasets/scored/")
    page.get_by_label("column").fill("proba_1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name=re.compile("proba_1"))).to_be_visible(timeout=LONG)
    user.go("/p/SHIP/recipes/score scored/")
    expect(page.get_by_label("The fastest that agrees")).to_be_checked()
    expect(page.get_by_text("Predicted by")).to_be_visible()
    user.inspect("table_score_recipe")


def test_it_is_judged_and_the_metrics_become_a_table(user: Visitor, model: dict[str, Any]) -> None:
    page = user.page
    user.go("/p/SHIP/flow/new-evaluation/?model=survivors")
    page.get_by_label("Data with the truth").select_option("people")
    page.get_by_label("Evaluation store").fill("over time")
    page.get_by_label("Metrics dataset").fill("figures")
    page.get_by_text("CPU only").click()
    page.get_by_role("button", name="Create and run").click()
    page.wait_for_url(re.compile(r"/jobs/(\d+)/"))
    with user.product.api() as api:
        job = over(api, int(page.url.rstrip("/").rpartition("/")[2]))
        assert job["state"] == "succeeded", job
        until(
            lambda: api.get("/projects/SHIP/datasets/figures").json()["state"] == "ready",
            "the metrics to be a table",
        )
    user.go("/p/SHIP/evaluations/over time/")
    user.follow("figures")
    page.wait_for_url(re.compile("/datasets/figures/"))
    expect(page.get_by_role("columnheader", name=re.compile("^number"))).to_be_visible()
    user.follow(page.get_by_role("navigation", name="Dataset").get_by_role("link", name="Columns"))
    expect(page.get_by_role("heading", name="roc_auc", exact=True)).to_be_visible()
    user.inspect("metrics_dataset")


def test_a_version_is_compared_and_documented(user: Visitor, model: dict[str, Any]) -> None:
    page = user.page
    user.go("/p/SHIP/models/survivors/")
    user.follow("Document of version 1")
    expect(page.get_by_role("heading", name="Limits")).to_be_visible()
    user.inspect("model_document")
    user.go(f"/p/SHIP/comparison/?of=survivors:1&of={model['id']}")
    page.get_by_role("button", name="Is it more than chance?").click()
    expect(page.get_by_text("counted one by one")).to_be_visible(timeout=LONG)
    user.inspect("model_comparison")
