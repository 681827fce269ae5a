"""The live line in a real browser: one connection for all tabs, and a way out where it fails."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import valkey
from tests.product import until
from tests.web.live_client import Web
from tests.web.live_proxy import SOONER, Proxy

pytestmark = [pytest.mark.browser, pytest.mark.process]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LONG = 90_000  # until a hopeless wait is given up
NO_SHARED = "delete window.SharedWorker;"
NO_WORKER = "delete window.SharedWorker; delete window.Worker;"
SILENT = """window.SharedWorker = class {
  constructor() { this.port = { start() {}, close() {}, postMessage() {} }; }
};"""


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with valkey.running() as broker, tempfile.TemporaryDirectory() as home:
        one = Web(Path(home), broker)
        try:
            yield one
        finally:
            one.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing. Install it: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )


@pytest.fixture
def proxy(web: Web) -> Iterator[Proxy]:
    one = Proxy(web.socket)
    yield one
    one.close()


@pytest.fixture
def window(browser: Browser, web: Web, proxy: Proxy) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(LONG)
    cookie = {"name": "trackside", "value": web.cookies["ada"], "url": proxy.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    yield context
    context.close()
    until(lambda: web.do("listeners") == 0, "the streams to be left", every=0.1)


class Follower:
    """A tab with a job's page, and what its log shows."""

    def __init__(self, window: BrowserContext, proxy: Proxy, job: int) -> None:
        self.page: Page = window.new_page()
        self.page.goto(f"{proxy.url}/p/INSECTS/jobs/{job}/")

    def shows(self, *lines: str) -> None:
        """Exactly these, in this order."""
        expect(self.page.locator("#log")).to_have_text("\n".join(lines), timeout=LONG)

    def says(self, words: str) -> None:
        text = self.page.locator("[data-live] [data-text]")
        expect(text).to_have_text(re.compile(words), timeout=LONG)


def test_seven_tabs_share_one_connection(web: Web, proxy: Proxy, window: BrowserContext) -> None:
    job = web.do("submit")["job"]
    tabs = [Follower(window, proxy, job) for _ in range(7)]
    for tab in tabs:
        tab.says("^Live$")
    until(lambda: web.do("listeners") == 1, "one stream", every=0.1)
    web.do("log", job=job, texts=["to all"])
    for tab in tabs:
        tab.shows("to all")


@pytest.mark.parametrize("script", [NO_SHARED, NO_WORKER, SILENT], ids=["own", "inside", "silent"])
def test_without_a_shared_worker_a_tab_has_its_own_line(
    web: Web, proxy: Proxy, window: BrowserContext, script: str
) -> None:
    window.add_init_script(script)
    job = web.do("submit")["job"]
    tab = Follower(window, proxy, job)
    tab.says("^Live$")
    web.do("log", job=job, texts=["a", "b"])
    tab.shows("a", "b")


@pytest.mark.parametrize("mode", ["refuses", "holds"])
def test_where_streams_do_not_get_through_the_page_asks(
    web: Web, proxy: Proxy, window: BrowserContext, mode: str
) -> None:
    """After two streams that failed; and it goes back to a stream when one lives."""
    proxy.mode, proxy.hurries = mode, True
    job = web.do("submit")["job"]
    tab = Follower(window, proxy, job)
    web.do("log", job=job, texts=["a"])
    tab.says("^Every few seconds$")
    assert proxy.asked[:3] == ["stream", "stream", "once"]
    web.do("log", job=job, texts=["b"])
    tab.shows("a", "b")
    proxy.mode = "good"
    web.do("log", job=job, texts=["c"])
    tab.says("^Live$")
    web.do("log", job=job, texts=["d"])
    tab.shows("a", "b", "c", "d")
    assert proxy.hurried == set(SOONER)


def test_a_broken_connection_loses_and_doubles_nothing(
    web: Web, proxy: Proxy, window: BrowserContext
) -> None:
    job = web.do("submit")["job"]
    tab = Follower(window, proxy, job)
    tab.says("^Live$")
    told: list[str] = []
    for number in range(4):
        for text in (f"{number}a", f"{number}b"):
            web.do("log", job=job, texts=[text])
            told.append(text)
        proxy.cut()
        web.do("log", job=job, texts=[f"{number}c"])
        told.append(f"{number}c")
        tab.shows(*told)


def test_who_is_signed_out_reads_so(web: Web, proxy: Proxy, window: BrowserContext) -> None:
    """Last: the session is gone afterwards."""
    job = web.do("submit")["job"]
    tab = Follower(window, proxy, job)
    tab.says("^Live$")
    web.do("sign_out", who="ada")
    proxy.cut()
    tab.says("^Signed out")
