"""A table at a browser: an analysis on it is designed and trained, on the CPU, to its end."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from recipes import own_network
from tests.browser.conftest import LONG, Visitor, choose, over, settled
from tests.product import DATA, until

pytestmark = [pytest.mark.browser, pytest.mark.process]
ADULT = DATA / "adult.csv"
LINES = 3000
HOME = "/p/EARNERS/lab/earners/"


@pytest.fixture(scope="module")
def adult(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first rows of the census where it lies; else people of the same kind."""
    path = tmp_path_factory.mktemp("table") / "adult.csv"
    if ADULT.exists():
        path.write_text("\n".join(ADULT.read_text().splitlines()[:LINES]) + "\n")
        return path
    jobs = ("clerk", "cook", "nurse")
    rows = [f"{20 + n % 50},{jobs[n % 3]},{'<=50K' if n % 50 < 30 else '>50K'}" for n in range(900)]
    path.write_text("age,occupation,income\n" + "\n".join(rows) + "\n")
    return path


def test_an_analysis_is_made_for_a_column_of_the_table(user: Visitor, adult: Path) -> None:
    page = user.page
    with user.product.api() as api:
        assert api.post("/projects", json={"key": "EARNERS", "name": "Earners"}).status_code == 201
        with adult.open("rb") as file:
            made = api.post(
                "/projects/EARNERS/datasets", data={"name": "adult"}, files={"file": file}
            )
        assert made.status_code < 300, made.text
        until(
            lambda: api.get("/projects/EARNERS/datasets/adult").json()["state"] == "ready",
            "the table to be taken in",
        )
    user.go("/p/EARNERS/analyses/new/?dataset=adult")
    page.get_by_label("Target").select_option("income")
    expect(page.get_by_text("suggested")).to_be_visible()
    expect(page.get_by_label(re.compile("Two-class"))).to_be_checked()
    expect(page.get_by_label("Name")).to_have_value("Predict income on adult")
    user.inspect("table_analysis_new")
    page.get_by_label("Name").fill("earners")
    page.get_by_role("button", name="Create analysis").click()
    page.wait_for_url(re.compile(HOME))
    for tab in ("target", "split", "metrics", "features", "algorithms", "runtime"):
        user.go(f"{HOME}design/{tab}/")
        user.inspect(f"table_design_{tab}")


def test_a_changed_column_is_saved_and_its_row_drawn_anew(user: Visitor) -> None:
    page = user.page
    user.go(f"{HOME}design/features/?q=age")
    page.get_by_label("Missing values of age").select_option("impute_constant")
    constant = page.get_by_label("Constant for age")
    expect(constant).to_have_value("0.0")
    constant.fill("x")
    constant.blur()
    expect(page.get_by_text("the constant must be a number, not 'x'")).to_be_visible()
    constant.fill("33")
    constant.blur()
    expect(page.get_by_text("the constant must be a number")).to_be_hidden()
    page.get_by_label("Role of age").select_option("ignore")
    expect(page.get_by_label("Missing values of age")).to_have_count(0)
    page.get_by_label("Role of age").select_option("input")
    expect(page.get_by_label("Missing values of age")).to_have_value("as_is")


def test_what_is_typed_while_its_row_is_drawn_anew_stays(user: Visitor) -> None:
    page, row, held = user.page, re.compile(r"/features/\?q=age$"), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    user.go(f"{HOME}design/features/?q=age")
    page.get_by_label("Missing values of age").select_option("impute_constant")
    constant = page.get_by_label("Constant for age")
    expect(constant).to_be_visible()
    page.route(row, hold)
    with page.expect_request(row):
        page.get_by_label("Scaling of age").select_option("minmax")
    constant.fill("44")
    with page.expect_response(row) as drawn:
        held[0].continue_()
    drawn.value.finished()
    page.unroute(row)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        constant.blur()
    expect(constant).to_have_value("44.0")


def test_two_algorithms_are_trained_on_the_cpu_to_the_end(user: Visitor) -> None:
    page = user.page
    user.go(f"{HOME}design/algorithms/")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_label("Train Gradient boosted trees").check()
    page.get_by_role("button", name="Train", exact=True).click()
    dialog = page.locator("dialog#train")
    expect(dialog.get_by_role("button", name="Train 2 models on the CPU")).to_be_visible()
    user.inspect("table_train_dialog")
    choose(dialog, "Choose GPUs")
    dialog.locator('[name="gpu"]').first.check()
    expect(dialog.get_by_text("learns on the CPU alone").first).to_be_visible()
    user.inspect("table_train_dialog_refused")
    dialog.get_by_label("Session name").fill("Both")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Train", exact=True).click()  # nothing is forgotten
    expect(dialog.get_by_label("Session name")).to_have_value("Both")
    expect(dialog.locator('[name="gpu"]').first).to_be_checked()
    choose(dialog, "CPU only")
    dialog.get_by_role("button", name=re.compile("2 models on the CPU")).click()
    page.wait_for_url(re.compile("/sessions/1/"))
    user.inspect("table_training")
    with user.product.api() as api:
        session = api.get("/projects/EARNERS/analyses/earners/sessions/1").json()
        for one in session["models"]:
            assert over(api, one["job"])["state"] == "succeeded"
        found = api.get("/projects/EARNERS/analyses/earners/sessions/1").json()["models"]
    assert {one["algorithm"] for one in found} == {"xgboost", "hist_gradient_boosting"}
    assert all(one["score"] > 0.6 for one in found)
    user.go(f"{HOME}sessions/1/")
    expect(page.get_by_role("link", name="XGBoost").first).to_be_visible(timeout=LONG)
    user.inspect("table_results")


def test_xgboost_takes_two_gpus_of_one_machine_without_a_setting(user: Visitor) -> None:
    if why := own_network.refusal():
        pytest.skip(f"This machine gives no process a network of its own: {why}.")
    page = user.page
    user.go(f"{HOME}design/algorithms/")
    page.get_by_role("button", name="Train", exact=True).click()
    dialog = page.locator("dialog#train")
    choose(dialog, "Choose GPUs")
    for other in dialog.locator('[name="model"]:checked').all()[1:]:
        other.uncheck()
        settled(dialog)
    for n in (0, 1):
        dialog.locator('[name="gpu"]').nth(n).check()
        settled(dialog)
    user.inspect("table_train_dialog_gpus")
    dialog.get_by_role("button", name="Train 1 model on 2 GPUs").click()
    page.wait_for_url(re.compile(r"/sessions/\d+/"))
    with user.product.api() as api:
        number = page.url.strip("/").rpartition("/")[2]
        session = api.get(f"/projects/EARNERS/analyses/earners/sessions/{number}").json()
        job = over(api, session["models"][0]["job"])
    assert job["state"] == "succeeded", job["reason"]
    assert [one["index"] for one in job["gpus"]] == [0, 1]


def test_rounds_are_seen_as_they_are_learned_and_a_training_is_finished_early(
    user: Visitor,
) -> None:
    page, analysis = user.page, "/projects/EARNERS/analyses/earners"
    many = {"rounds": 100_000, "early_stopping": False, "learning_rate": 0.001}
    many["max_depth"] = 3  # however many rounds a slow page lets it learn, to explain them is quick
    with user.product.api() as api:
        begun = api.post(
            f"{analysis}/train",
            json={"models": [{"algorithm": "xgboost", "params": many}], "compute": {"kind": "cpu"}},
        ).json()
        user.go(f"{HOME}sessions/{begun['session']}/")
        expect(page.get_by_label(re.compile("Loss by round. Train 0"))).to_be_visible(timeout=LONG)
        expect(page.get_by_text(re.compile("round [0-9,]+ of 100,000"))).to_be_visible()
        user.inspect("table_training_rounds")
        page.get_by_role("button", name="Finish early").click()
        page.get_by_role("dialog").get_by_role("button", name="Finish early").click()
        assert over(api, begun["jobs"][0])["state"] == "succeeded"


def test_a_search_is_designed_watched_and_finished_early_with_its_best(user: Visitor) -> None:
    page = user.page
    user.go(f"{HOME}design/search/")
    expect(page.get_by_label("Most trials")).to_be_hidden()
    page.get_by_label("Random").check()
    depth = page.get_by_label("Search Maximum depth of tree of XGBoost")
    depth.select_option("values")
    values = page.get_by_label("Values of Maximum depth of tree, XGBoost")
    values.fill("2, deep")
    values.blur()
    expect(page.get_by_text("must be a whole number, not 'deep'")).to_be_visible()
    values.fill("2, 4")
    page.get_by_label("Most trials").fill("400")
    page.get_by_label("Folds").fill("0")
    page.get_by_label("Folds").blur()
    expect(page.get_by_text("400 trials at most. The space is your own.")).to_be_visible()
    user.inspect("table_design_search")
    with user.product.api() as api:
        wish = {"models": [0], "compute": {"kind": "cpu"}}
        begun = api.post("/projects/EARNERS/analyses/earners/train", json=wish).json()
        user.go(f"{HOME}sessions/{begun['session']}/")
        expect(page.get_by_label(re.compile("[0-9]+ of 400 trials, the best"))).to_be_visible(
            timeout=LONG
        )
        user.inspect("table_training_search")
        page.get_by_role("button", name="Finish early").click()
        page.get_by_role("dialog").get_by_role("button", name="Finish early").click()
        assert over(api, begun["jobs"][0])["state"] == "succeeded"
    page.wait_for_url(re.compile("/trained-models/"), timeout=LONG)
    user.follow(page.get_by_role("link", name="Search", exact=True))
    expect(page.get_by_text("It was finished early.")).to_be_visible()
    user.inspect("table_model_search")
