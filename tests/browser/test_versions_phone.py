"""The versions of a saved model on a phone: a card each, whose buttons can be hit."""

import pytest
from playwright.sync_api import Browser

from tests.product import ROOT

pytestmark = [pytest.mark.browser]

STYLES = ROOT / "platform" / "trackside" / "ui" / "static" / "css"
BUTTONS = '<a class="b b--sm b--ico" href="#">i</a>' * 2
HEAD = "".join(f"<th>A figure that is called {one}</th>" for one in range(12))
PAGE = f"""<!doctype html><div class="tb-wrap"><table class="tb versions"><thead><tr>{HEAD}</tr>
</thead><tbody><tr><th>2</th><td data-l="F1">1.0</td><td class="act">
<span class="row row--end nowrap">{BUTTONS}</span></td></tr></tbody></table></div>"""


def test_a_card_is_as_wide_as_the_phone_and_its_buttons_24_px(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 600})
    page.set_content(PAGE)
    for name in ("tokens.css", "parts.css", "shell.css", "pages/saved-model.css"):
        page.add_style_tag(content=(STYLES / name).read_text())
    wide = page.locator(".act a").evaluate_all("all => all.map((one) => one.offsetWidth)")
    assert wide == [24, 24]
    beyond = page.locator(".tb-wrap").evaluate("one => one.scrollWidth - one.clientWidth")
    assert beyond == 0
    page.close()
