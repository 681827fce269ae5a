"""The list of jobs by itself: what the live stream tells, and how far a job is in its words."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.toy_page import toy_page
from tests.web.test_amounts import NO
from trackside.ui.words import amount

pytestmark = [pytest.mark.browser]
LIVE = "export const live = { watch: (topic, seq, heard) => (window.heard[topic] = heard) };"
LINE = """<tr data-job="{0}" data-state="{1}"><th><p data-f="reason" hidden></p></th>
<td data-f="state">{1}</td><td><svg class="bar" viewBox="0 0 100 10"><rect data-f="bar" width="{2}"
height="10" /></svg><span data-f="progress">{3}</span></td></tr>"""
LINES = LINE.format(3, "succeeded", 100, "Done") + LINE.format(4, "running", 10, "")
PAGE = f"""<!doctype html><table class="jobs" data-project="P"><tbody>{LINES}</tbody></table>
<script>window.heard = {{}}</script><script type="module" src="/static/js/pages/jobs.js"></script>
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with toy_page(browser, PAGE, "window.heard.gpus !== undefined", {"/live.js": LIVE}) as one:
        yield one


def test_a_job_that_is_over_stays_done_where_the_stream_tells_its_last_count(page: Page) -> None:
    far = {"done": 5, "of": 6, "unit": "step", "share": 0.75}
    jobs = [{"id": 3, "state": "succeeded", "reason": "", "progress": far},
            {"id": 4, "state": "running", "reason": "", "progress": far}]  # fmt: skip
    page.evaluate("jobs => heard['project:P']({ type: 'jobs', data: { jobs } })", jobs)
    said = page.locator('[data-f="progress"]')
    expect(said.nth(1)).to_have_text("Explaining, step 6 of 6")
    expect(said.first).to_have_text("Done")
    widths = page.locator('[data-f="bar"]').evaluate_all(
        "each => each.map((one) => one.getAttribute('width'))"
    )
    assert widths == ["100", "75.0"]


@pytest.mark.parametrize(
    "told",
    [
        NO,
        {"done": 1234567, "of": 12000000, "unit": "row"},
        {"done": 2.54, "of": 20, "unit": "megabyte"},
        {"done": 1499, "of": 2000, "unit": "tree"},
        {"done": 2, "of": 30, "unit": "round", "before": 1200},
        {"done": 21, "of": 21, "unit": "tree", "before": 1200},
        {"done": 1, "of": 1, "unit": "tree", "before": 100},
    ],
)
def test_the_pages_scripts_say_how_far_a_job_is_as_its_server_does(
    page: Page, told: dict[str, Any]
) -> None:
    said = page.evaluate(
        "async told => (await import('/static/js/job-words.js')).amount(told)", told
    )
    assert said == amount(told)
