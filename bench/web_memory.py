"""The web process of the running product: its memory after every page was visited, and how soon a
page begins to arrive.

Starts the product with a home of its own. The first start makes the demo project, so the pages have
something to show.
"""

import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from tests.product import Product, running

LIMIT_MB = 150
ROUNDS = 20
# A link that only shows: no form target, no file, no stream.
LINK = re.compile(r'href="(/(?!static/|logout|live/)[^"#?]*)')


def main() -> int:
    with tempfile.TemporaryDirectory() as place, running(Path(place) / "home") as product:
        with httpx.Client(base_url=product.url, follow_redirects=True, timeout=60) as client:
            sign_in(client, product)
            pages = walk(client)
            print(f"web_memory: {len(pages)} pages visited {ROUNDS} times each")
            for page in sorted(pages, key=len)[:8]:
                print(f"web_memory: first byte of {page} after {first_byte(client, page):.0f} ms")
            for _ in range(ROUNDS - 1):
                for page in pages:
                    client.get(page)
        memory = web_process(product).memory_info().rss / 2**20
    print(f"web_memory: resident {memory:.0f} MiB (wanted: under {LIMIT_MB})")
    return 0 if memory < LIMIT_MB else 1


def sign_in(client: httpx.Client, product: Product) -> None:
    client.get("/login/")
    form = {
        "username": product.username,
        "password": product.password,
        "csrfmiddlewaretoken": client.cookies["csrftoken"],
    }
    answer = client.post("/login/", data=form, headers={"Referer": product.url})
    assert "/login" not in str(answer.url), f"Sign-in failed: {answer.status_code}"


def walk(client: httpx.Client) -> list[str]:
    """Every page that can be reached by links from the first one."""
    waiting, seen = ["/"], {"/"}
    shown = []
    while waiting:
        page = waiting.pop()
        answer = client.get(page)
        if answer.status_code == 200 and "text/html" in answer.headers["content-type"]:
            shown.append(page)
            new = set(LINK.findall(answer.text)) - seen
            seen |= new
            waiting += sorted(new)
    return shown


def first_byte(client: httpx.Client, page: str) -> float:
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        with client.stream("GET", page):
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def web_process(product: Product) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "workers.web" in command and process.environ().get("TRACKSIDE_HOME") == str(
            product.home
        ):
            return process
    raise LookupError("no web process")


if __name__ == "__main__":
    sys.exit(main())
