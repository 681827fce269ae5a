"""The live server of the tests in its own process, and a reader of its streams."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from tests import valkey
from tests.product import ROOT, until

Event = dict[str, Any]


class Web:
    """The server in its own process, and what may be asked of it."""

    def __init__(self, home: Path, broker: valkey.Valkey, database: str = "") -> None:
        self.broker, self.socket = broker, broker.socket.with_name("web")
        env = {**os.environ, "TRACKSIDE_HOME": str(home), "BROKER_URL": broker.url}
        env.pop("DATABASE_URL", None)
        env |= {"DATABASE_URL": database} if database else {}
        self.env = env
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.live_server", str(self.socket)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cookies: dict[str, str] = self._answer()
        until(self.socket.exists, "the web to serve", every=0.02)

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server has ended"
        return json.loads(line)

    def do(self, order: str, **values: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": order, **values}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    @contextmanager
    def client(self, who: str | None = "ada") -> Iterator[httpx.Client]:
        cookies = {"trackside": self.cookies[who]} if who else {}
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)),
            base_url="http://localhost",
            cookies=cookies,
            headers={"Accept": "text/event-stream", "Accept-Encoding": "gzip"},
            timeout=30,
        ) as one:
            yield one

    @contextmanager
    def stream(self, topics: str, last: str = "", **headers: str) -> Iterator[Iterator[Event]]:
        params = {"t": topics, **({"last": last} if last else {})}
        with (
            self.client() as one,
            one.stream("GET", "/live/", params=params, headers=headers) as answer,
        ):
            assert answer.status_code == 200, answer.read()
            yield events(answer)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def events(answer: httpx.Response) -> Iterator[Event]:
    one: Event = {}
    pulses = 0
    for line in answer.iter_lines():
        pulses += line == ": ping"
        assert pulses < 4, "the stream is silent"
        name, _, value = line.partition(": ")
        if line and name:
            one[name] = value
        elif not line:
            if "event" in one:
                yield {**one, "data": json.loads(one["data"])}
            one = {}


def texts(stream: Iterator[Event], number: int) -> list[str]:
    return [one["data"]["data"]["text"] for one in islice(logs(stream), number)]


def logs(stream: Iterator[Event]) -> Iterator[Event]:
    return (one for one in stream if one["data"].get("type") == "log")
