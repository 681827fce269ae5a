"""The eye of these tests sees what the product's content policy refuses."""

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.process]
INLINE = {
    "script": "<script>window.ran = true</script>",
    "style": '<p style="color: red">Red</p>',
    "elsewhere": '<script src="http://127.0.0.1:9/elsewhere.js"></script>',
}


@pytest.mark.parametrize("bit", INLINE.values(), ids=INLINE)
def test_a_page_with_what_the_policy_refuses_fails_its_test(user: Visitor, bit: str) -> None:
    def bent(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{bit}</main>"))

    user.page.route("**/projects/", bent)
    user.go("/projects/")
    user.page.unroute("**/projects/")
    with pytest.raises(AssertionError, match="Content Security Policy"):
        user.judge()
    assert user.page.evaluate("window.ran === undefined")
