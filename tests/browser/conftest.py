"""A person at a browser: the running product, Chromium, and an eye for what no page may have."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from tests import prepared
from tests.product import DATA, ROOT, Product, running, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What axe is asked of each theme: the dark one has other colours, and nothing else.
COLOURS = ["color-contrast", "link-in-text-block"]
THEMES: dict[str, Any] = {"light": TAGS, "dark": {"type": "rule", "values": COLOURS}}
# From the top: what a bar hides of a page that is scrolled says nothing about the page.
RUN_AXE = """async asked => {
  const { scrollX, scrollY } = window;
  window.scrollTo(0, 0);
  const found = await axe.run(document, { runOnly: asked });
  window.scrollTo(scrollX, scrollY);
  return found.violations;
}"""
PHOTOS = DATA / "hymenoptera.zip"
# Milliseconds until a hopeless wait is given up; no statements about speed.
LONG = 600_000  # for a job
SOON = 120_000  # for a page
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
# Pictures for people, where SHOTS is set: to draw them takes as long as to judge the pages.
SHOTS = Path(__file__).parent / "shots" if "SHOTS" in os.environ else None
SHOWN = """theme => {
  document.documentElement.setAttribute("data-theme", theme);
  return new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn())));
}"""
ELSEWHERE = ("ERR_ABORTED", "interrupted by another navigation")
expect.set_options(timeout=SOON)


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("product") / "home"
    with running(home, fresh=True, **fleet()) as one:
        yield one


def fleet() -> dict[str, str]:
    return {"TRACKSIDE_FAKE_GPUS": "4xH100-80GB"}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing. Install it: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            timeout=LONG,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update"],
        )  # fmt: skip


@dataclass
class Visitor:
    """One window. Collects console errors, refused policies and dead requests as they happen."""

    page: Page
    product: Product
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("response", self._answered)

    def _said(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 500:
            self.troubles.append(f"{response.status} from {response.url}")

    def go(self, path: str) -> None:
        """A page that loads itself anew just then, as a job's does at its end, is in the way."""
        for tries_left in (2, 1, 0):
            try:
                self.page.goto(self.product.url + path)
                return
            except Error as error:
                if not tries_left or not any(words in str(error) for words in ELSEWHERE):
                    raise

    def follow(self, leads: str | Locator) -> None:
        """A link, or what else opens a page, until that page is there with its scripts: a click
        alone returns while the page before still stands."""
        link = self.page.get_by_role("link", name=leads) if isinstance(leads, str) else leads
        with self.page.expect_event("load"):
            link.click()

    def sign_in(self) -> None:
        self.go("/login/")
        self.page.get_by_label("User name").fill(self.product.username)
        self.page.get_by_label("Password").fill(self.product.password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def inspect(self, name: str) -> None:
        """Light and dark, wide and phone: nothing sticks out, axe is content."""
        before = self.page.viewport_size
        for size, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                until(partial(self._looked, name, size, theme), f"{name} to stand still")
        if before:
            self.page.set_viewport_size(before)

    def _looked(self, name: str, size: str, theme: str) -> bool:
        """One look is at one document: where a page loads itself anew meanwhile, it is no look."""
        document = self._document()
        try:
            found = self._seen(name, size, theme)
        except Error:
            if document and document == self._document():
                raise
            return False
        if not document or document != self._document():
            return False
        self.troubles += found
        return True

    def _document(self) -> float:
        """When the document that is there began; 0 while another one takes its place."""
        self.page.wait_for_load_state()
        try:
            whole = "document.readyState === 'complete' ? performance.timeOrigin : 0"
            return float(self.page.evaluate(whole))
        except Error:  # it has ended before it could answer
            return 0

    def _seen(self, name: str, size: str, theme: str) -> list[str]:
        self.page.evaluate(SHOWN, theme)
        if SHOTS:
            self.page.screenshot(path=SHOTS / f"{name}_{size}_{theme}.png", animations="disabled")
        found = self._axe(f"{name}, {size}, {theme}", THEMES[theme])
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            found.append(f"{name}, {size}: the page is {wide} px wider than the window")
        return found

    def _axe(self, where: str, asked: Any) -> list[str]:
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(AXE.read_text())  # by the debugger, whom no policy binds
        found = self.page.evaluate(RUN_AXE, asked)
        return [
            f"{where}: {one['id']} {len(one['nodes'])} x {one['nodes'][0]['html'][:160]}"
            for one in found
            if not _whole_tile(one)
        ]

    def judge(self) -> None:
        """What was collected since the last judgement is nothing."""
        self.page.wait_for_selector("html", state="attached")  # all it said comes before this
        found, self.troubles = self.troubles, []
        assert not found, "\n".join(found)


def _whole_tile(found: dict[str, Any]) -> bool:
    """The whole tile is the label of its box, and so the target; axe measures the box alone."""
    boxes = all('name="gpu"' in node["html"] for node in found["nodes"])
    return bool(found["id"] == "target-size" and boxes)


@contextmanager
def visiting(browser: Browser, product: Product) -> Iterator[Visitor]:
    """A window of its own, under the product's own content policy; nothing fades before axe."""
    width, height = SIZES["wide"]
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(SOON)
    yield Visitor(context.new_page(), product)
    context.close()


@pytest.fixture(scope="package")
def user(browser: Browser, product: Product) -> Iterator[Visitor]:
    """One person with one window for the whole story, who has just signed in."""
    with visiting(browser, product) as one:
        one.go("/login/")
        one.inspect("sign_in")
        one.sign_in()
        yield one


@pytest.fixture(autouse=True)
def nothing_ugly(user: Visitor) -> Iterator[None]:
    """Each test ends with what axe, the console and the window's width had to say."""
    yield
    user.judge()


@pytest.fixture(scope="package")
def photos() -> Path:
    """Real photos where they are; where not, the demo's."""
    return PHOTOS if PHOTOS.exists() else prepared.shapes()


def settled(dialog: Locator) -> None:
    """The Train dialog has its newest plan: what is swapped in no longer meets a click."""
    expect(dialog.locator("form")).not_to_have_attribute("aria-busy", "true")


def choose(dialog: Locator, mode: str) -> None:
    """A way to compute, in the Train dialog."""
    dialog.get_by_text(mode).click()
    settled(dialog)


def over(api: httpx.Client, number: int) -> dict[str, Any]:
    """The job, once it has ended."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"/jobs/{number}").json()
        return job if job["state"] in ("succeeded", "failed", "cancelled") else None

    job: dict[str, Any] = until(ended, f"job {number} to end")
    return job
