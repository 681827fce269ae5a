"""A page of a test's own with the product's real scripts: what they do to it, without a product."""

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Route

from tests.product import ROOT

STATIC = ROOT / "platform" / "trackside" / "ui" / "static"
SITE = "http://toy.test/"


@contextmanager
def toy_page(
    browser: Browser, html: str, ready: str, instead: Mapping[str, str] | None = None
) -> Iterator[Page]:
    """`html` at the root of a site, once the script `ready` is true there. `instead` has scripts
    that take the place of the product's, by the end of their path."""

    def served(route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        for name, script in (instead or {}).items():
            if path.endswith(name):
                return route.fulfill(content_type="text/javascript", body=script)
        if not path.startswith("static/"):
            return route.fulfill(content_type="text/html", body=html)
        kind = mimetypes.guess_type(path)[0] or "text/plain"
        return route.fulfill(path=STATIC / path.removeprefix("static/"), content_type=kind)

    page = browser.new_page()
    page.route(f"{SITE}**", served)
    page.goto(SITE)
    page.wait_for_function(ready)
    yield page
    page.close()
