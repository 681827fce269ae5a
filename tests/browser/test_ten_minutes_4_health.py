"""What an administrator sees of the machine room."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONG, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_the_administrator_finds_every_part_and_node_on_the_health_page(user: Visitor) -> None:
    user.go("/")
    user.page.get_by_role("button", name="Account of").click()
    user.follow("Health")
    expect(user.page.get_by_role("heading", name="Health")).to_be_visible()
    for part in ("Database", "Broker", "Storage", "Uploads", "Scheduler", "Queue", "Clocks"):
        expect(user.page.get_by_role("term").filter(has_text=part)).to_be_visible()
    expect(user.page.get_by_role("cell", name="warm", exact=True)).to_be_visible(timeout=LONG)
    user.inspect("health")


def test_it_looks_again_by_itself(user: Visitor) -> None:
    with user.page.expect_response("**/health/") as again:
        pass
    assert again.value.ok
    expect(user.page.locator("#health")).to_have_count(1)
