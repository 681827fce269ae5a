"""Readers of event streams, as a script of a user would be one: they come back after each break."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.cluster import Cluster


@dataclass
class Reader:
    """Follows one job to its end, from where it was when the stream broke."""

    cluster: Cluster
    job: int
    seen: list[int] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    breaks: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.ended and not self._over.is_set():
            try:
                self._follow()
            except httpx.HTTPError:
                self.breaks += 1
            self._over.wait(0.1)

    def _follow(self) -> None:
        after = {"Last-Event-ID": str(self.seen[-1])} if self.seen else {}
        with self.cluster.api() as line:
            line.timeout = httpx.Timeout(10, read=20)
            with line.stream("GET", f"/jobs/{self.job}/events", headers=after) as answer:
                if answer.status_code != 200:
                    self._over.wait(0.3)
                    return
                self._take(answer)

    def _take(self, answer: httpx.Response) -> None:
        name, number = "", 0
        for text in answer.iter_lines():
            if self._over.is_set():
                return
            if text.startswith("event:"):
                name = text[6:].strip()
            elif text.startswith("id:"):
                number = int(text[3:])
            elif text.startswith("data:") and name == "job":
                self.seen.append(number)
                self.last = json.loads(text[5:])
            elif text.startswith("data:") and name == "end":
                self.ended = True
                return

    def check(self) -> None:
        """All events of the story up to its end came once each and in order."""
        self.cluster.until(lambda: self.ended, f"the stream of job {self.job} to end")
        self.thread.join()
        query = """SELECT seq FROM jobs_event WHERE job_id = %s AND seq <= (SELECT max(seq)
          FROM jobs_event WHERE job_id = %s AND type = 'state') ORDER BY seq"""
        kept = [row[0] for row in self.cluster.ask(query, self.job, self.job)]
        assert sorted(set(self.seen)) == self.seen, f"doubled or out of order: {self.seen}"
        lost = set(kept) - set(self.seen)
        assert not lost, f"lost of job {self.job}: {sorted(lost)}"
        assert self.last["type"] == "state", self.last

    def leave(self) -> None:
        self._over.set()
        self.thread.join(25)
