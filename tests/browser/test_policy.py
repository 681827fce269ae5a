"""The eye of these tests sees what is wrong, and is not led astray by a page that comes anew."""

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import COLOURS, SIZES, TAGS, Visitor

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


def test_a_page_that_loads_itself_anew_is_looked_at_again_and_its_fault_is_said(
    user: Visitor,
) -> None:
    loads = 0

    def restless(route: Route) -> None:
        nonlocal loads
        loads += 1
        answer = route.fetch()
        anew = {"refresh": "1"} if loads < 4 else {}
        body = answer.text().replace("</main>", '<img src="/favicon.ico"></main>')
        route.fulfill(response=answer, headers={**answer.headers, **anew}, body=body)

    user.page.route("**/projects/", restless)
    user.go("/projects/")
    user.inspect("restless")
    user.page.unroute("**/projects/")
    found, user.troubles = user.troubles, []
    looks = [f"restless, {size}, light" for size in SIZES]
    assert [one.partition(": image-alt")[0] for one in found] == looks


def test_colours_are_looked_at_in_both_themes(user: Visitor) -> None:
    user.go("/projects/")
    user.page.evaluate("""() => {
      const pale = document.createElement("p");
      pale.textContent = "Pale in the dark";
      pale.style.color = "light-dark(black, #333)";
      pale.style.backgroundColor = "light-dark(white, #222)";
      document.querySelector("main").append(pale);
    }""")
    user.inspect("pale")
    found, user.troubles = user.troubles, []
    looks = [f"pale, {size}, dark" for size in SIZES]
    assert [one.partition(": color-contrast")[0] for one in found] == looks
    asked = (
        "tags => axe.getRules(['cat.color']).filter(one => one.tags.some(t => tags.includes(t)))"
    )
    assert [one["ruleId"] for one in user.page.evaluate(asked, TAGS)] == COLOURS
