"""The charts of the training page by themselves: what they show when another model is shown."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.toy_page import toy_page

pytestmark = [pytest.mark.browser]
PLOT = """<figure{0}><div class="plot" data-plot="{1}" style="width:600px;height:200px">
<p class="plot__empty">Nothing of {1}.</p></div><div data-plot-table="{1}" hidden></div>
<figcaption data-legend="{1}"></figcaption></figure>"""
STEPS = "".join(
    f'<button data-step="{one}"><i class="st__i"></i><b></b><span class="v"></span><small></small>'
    "</button>"
    for one in range(5)
)
PAGE = f"""<!doctype html><style>[hidden] {{ display: none !important }}</style>
<div data-bar><svg><rect /></svg></div><div class="steps steps--many">{STEPS}</div>
<b data-of></b><div>{PLOT.format(" data-trials", "trials")}{PLOT.format("", "loss")}</div>
<script type="module">
import {{ draw }} from "/static/js/pages/training-charts.js";
import {{ drawTrials }} from "/static/js/pages/training-trials.js";
import {{ progress }} from "/static/js/pages/training-panels.js";
window.tell = (models, cards) => progress(models, 0, {{ name: "Session 1", metrics: cards }});
window.look = (one, cards) => {{ draw(one, cards); drawTrials(one, cards); }};
</script>"""
CARDS = {"roc_auc": {"label": "ROC AUC", "percent": False, "higher": True}}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with toy_page(browser, PAGE, "window.look !== undefined") as one:
        yield one


def model(job: int, losses: list[float], trials: list[float]) -> dict[str, Any]:
    rounds = list(range(1, len(losses) + 1))
    names = ("epoch", "step", "loss", "lr", "rate")
    return {
        "job": {"id": job},
        "label": f"Model {job}",
        "data": "table",
        "unit": "round",
        "metric": "roc_auc",
        "epochs": 100,
        "search": {"words": "Random, 8 trials", "trials": 8, "params": {}},
        "series": {
            "steps": {name: [] for name in names},
            "epochs": {
                "epoch": rounds,
                "train_loss": losses,
                "val_loss": losses,
                "best": [place == len(losses) for place in rounds],
                "metrics": {},
            },
            "trials": [
                {"number": place, "value": one, "state": "done", "best": True, "params": {}}
                for place, one in enumerate(trials, 1)
            ],
        },
    }


def test_what_the_former_model_came_to_is_gone_with_it(page: Page) -> None:
    page.evaluate("given => look(...given)", [model(1, [0.5, 0.4], [0.9, 0.91]), CARDS])
    for name in ("loss", "trials"):
        expect(page.locator(f'[data-plot="{name}"] canvas')).to_have_count(1)
        expect(page.get_by_text(f"Nothing of {name}.")).to_be_hidden()
    expect(page.locator('[data-legend="trials"]')).to_contain_text("0.910")
    page.evaluate("given => look(...given)", [model(2, [], []), CARDS])
    for name in ("loss", "trials"):
        expect(page.locator(f'[data-plot="{name}"] canvas')).to_have_count(0)
        expect(page.get_by_text(f"Nothing of {name}.")).to_be_visible()
    expect(page.locator("[data-of]")).to_have_text("Model 2")
    expect(page.locator('[data-legend="loss"]')).to_have_text("")
    expect(page.locator('[data-legend="trials"]')).to_have_text("Random, 8 trials")
    page.evaluate("given => look(...given)", [model(2, [0.7], [0.8]), CARDS])
    expect(page.locator('[data-plot="loss"] canvas')).to_have_count(1)


@pytest.mark.parametrize(
    ("found", "higher", "low", "high"),
    [
        ([0.906], True, 0.86, 0.96),
        ([0.99], True, 0.94, 1.0),
        ([1.0], True, 0.94, 1.0),
        ([0.0], False, 0.0, 0.06),
        ([4500.0, 4600.0], False, 4484.0, 4616.0),
        ([-0.2, 0.4], True, -0.3, 0.5),
    ],
)
def test_a_trials_axis_is_around_what_was_found(
    page: Page, found: list[float], higher: bool, low: float, high: float
) -> None:
    least, most = page.evaluate(
        """async ([ends, higher]) => {
          const { around } = await import("/static/js/pages/training-trials.js");
          return around({ higher })(...ends);
        }""",
        [[min(found), max(found)], higher],
    )
    assert low <= least <= min(found)
    assert max(found) <= most <= high
    assert least < most


def test_of_many_models_those_that_run_stand_first_with_what_they_do(page: Page) -> None:
    far = {"done": 2.2, "of": 6, "unit": "step", "share": 0.7, "eta": 14}
    states = ["succeeded", "queued", "running", "failed", "running"]
    models = [
        {
            **model(number, [0.5], [0.9]),
            "story": [],
            "job": {"id": number, "state": state, "progress": far},
            "result": {"metrics": {"roc_auc": 0.95}} if state == "succeeded" else None,
        }
        for number, state in enumerate(states)
    ]
    page.evaluate("given => tell(...given)", [models, CARDS])
    steps = page.locator(".steps [data-step]")
    order = steps.evaluate_all("each => each.map((one) => Number(one.dataset.step))")
    assert order == [2, 4, 1, 0, 3]
    expect(page.locator('[data-step="0"] .v')).to_have_text("0.950")  # what came of it
    expect(steps.first.locator("small")).to_have_text("explaining, step 3 of 6, 14 s left")
    expect(steps.first).to_have_attribute(
        "title", "Model 2; explaining, step 3 of 6, 14 s left; ROC AUC 0.900"
    )
