"""Checks what must hold through every fault, by its own eyes: Postgres' rows, /proc, the files.

While a fault lasts it looks many times a second for two owners of a device and for two attempts of
a job at work; afterwards it goes through the invariants I1 to I12 one by one.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes import processes
from tests.faults.cluster import FINAL, Cluster
from tests.faults.parts import environ

LOOK = 0.08
THIN_EVERY = 1000  # events; docs/jobs.md
TAG = re.compile(rb"^TRACKSIDE_ATTEMPT=(\d+)\.(\d+)\.[0-9a-f]+$")
Attempt = tuple[int, int]  # job, fence


@dataclass
class Auditor:
    """`with Auditor(cluster) as auditor: ...` and then `auditor.settled()`."""

    cluster: Cluster
    looks: int = 0
    found: list[str] = field(default_factory=list)
    seen: dict[int, str] = field(default_factory=dict)  # the final state of each job
    paused: set[Attempt] = field(default_factory=set)  # a test has stopped them: may linger

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._uuids: dict[tuple[Attempt, str], set[str]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Auditor":
        self._thread.start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._over.set()
        self._thread.join()

    # --- meanwhile ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over.wait(LOOK):
            self.looks += 1
            self._look_at_processes()
            if self.looks % 5 == 0:
                self._look_at_rows()

    def _say(self, what: str) -> None:
        if what not in self.found:
            self.found.append(what)

    def _look_at_processes(self) -> None:
        """Who really uses which device at this moment."""
        at_work = self.at_work()
        owners: dict[str, set[Attempt]] = defaultdict(set)
        jobs: dict[int, set[int]] = defaultdict(set)
        for attempt in at_work - self.paused:
            jobs[attempt[0]].add(attempt[1])
            for uuid in self._devices(attempt):
                owners[uuid].add(attempt)
        for uuid, those in owners.items():
            if len(those) > 1 and self._still(those):
                self._say(f"I3: {uuid} is used by the processes of {sorted(those)} at once.")
        for job, fences in jobs.items():
            if len(fences) > 1 and self._still({(job, one) for one in fences}):
                self._say(f"I6: attempts {sorted(fences)} of job {job} run at once.")

    def _still(self, those: set[Attempt]) -> bool:
        """The list of processes takes a moment to read: two that followed each other are none."""
        return those <= self.at_work()

    def at_work(self) -> set[Attempt]:
        """The attempts that have live processes of this cluster."""
        home = f"TRACKSIDE_HOME={self.cluster.home}".encode()
        found = set()
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            block = environ(int(name))
            if home not in block:
                continue
            tags = [match for match in map(TAG.match, block) if match]
            one = processes.look(int(name))
            if tags and one is not None and one.alive:
                found.add((int(tags[0][1]), int(tags[0][2])))
        return found

    def _devices(self, attempt: Attempt) -> set[str]:
        """The GPUs of an attempt, as its own job folders say."""
        job, fence = attempt
        folder = self.cluster.storage / "jobs" / str(job) / f"a{fence}"
        uuids: set[str] = set()
        for path in [folder / "job.json", *folder.glob("n*/job.json")]:
            try:
                compute = json.loads(path.read_text())["compute"]
            except (OSError, ValueError, KeyError):
                continue
            if not compute.get("share"):
                uuids |= set(compute.get("uuids") or ())
        return uuids

    def _look_at_rows(self) -> None:
        states = self.cluster.ask("SELECT id, state FROM jobs_job")
        for job, state in states:
            before = self.seen.get(job)
            if before in FINAL and before != state:
                self._say(f"I2: job {job} was {before} and is {state}.")
            self.seen[job] = state
        self._say_each(
            "I3: {} is leased to attempts {} at once.",
            """SELECT gpu_id, array_agg(DISTINCT attempt_id) FROM compute_lease
               WHERE gpu_id IS NOT NULL AND NOT shared
               GROUP BY gpu_id HAVING count(DISTINCT attempt_id) > 1""",
        )
        self._say_each(
            "I5: job {} has {} live attempts.",
            """SELECT job_id, count(*) FROM jobs_attempt
               WHERE state IN ('assigned', 'starting', 'running', 'stopping')
               GROUP BY job_id HAVING count(*) > 1""",
        )

    def _say_each(self, words: str, query: str) -> None:
        for row in self.cluster.ask(query):
            self._say(words.format(*row))

    # --- afterwards ---------------------------------------------------------------------------

    def settled(self, *, within: float = 120) -> None:
        """Nothing is left to do: all invariants hold, or soon do. Fails with what does not."""
        end = time.monotonic() + within
        while True:
            wrong = self.wrong()
            if not wrong:
                break
            if time.monotonic() > end:
                said = self.cluster.said()
                raise AssertionError("\n".join(wrong) + "\n" + said)
            time.sleep(0.2)
        assert self.looks > 0, "the auditor never looked"
        assert not self.found, "\n".join(self.found) + "\n" + self.cluster.said()

    def wrong(self) -> list[str]:
        """What does not hold now that every job should be over."""
        return [
            *self._outcomes(),
            *self._attempts(),
            *self._leases(),
            *self._stories(),
            *self._files(),
            *(f"I12: processes of job {job}, fence {fence}, remain."
              for job, fence in sorted(self.at_work())),
        ]  # fmt: skip

    def _outcomes(self) -> list[str]:
        """I1: each accepted job has one row and one final state, told once, with a reason."""
        rows = {
            row[0]: row
            for row in self.cluster.ask(
                """SELECT j.id, j.state, j.reason, j.finished_at, j.result::text,
                     (SELECT count(*) FROM jobs_event e WHERE e.job_id = j.id AND e.type = 'state'
                        AND e.data->>'state' IN ('succeeded', 'failed', 'cancelled'))
                   FROM jobs_job j"""
            )
        }
        wrong = [f"I1: job {one} was accepted and is lost." for one in self.cluster.accepted
                 if one not in rows]  # fmt: skip
        for job, state, reason, finished, _result, told in rows.values():
            if state not in FINAL:
                wrong.append(f"I1: job {job} is still {state}: {reason}")
            elif finished is None or told != 1:
                wrong.append(f"I1: job {job} is {state}, told {told} times, ended at {finished}.")
            elif state != "succeeded" and len(reason) < 10:
                wrong.append(f"I1: job {job} is {state} without a reason.")
        return wrong

    def _attempts(self) -> list[str]:
        """I4, I5: fences rise, one attempt at most succeeded, none is live, each end is told."""
        rows = self.cluster.ask(
            """SELECT a.job_id, j.state, array_agg(a.state ORDER BY a.number),
                 array_agg(a.fence ORDER BY a.number), bool_and(a.finished_at IS NOT NULL)
               FROM jobs_attempt a JOIN jobs_job j ON j.id = a.job_id GROUP BY 1, 2"""
        )
        wrong = []
        for job, state, states, fences, ended in rows:
            claimed = [one for one in fences if one]
            if claimed != sorted(set(claimed)):
                wrong.append(f"I5: the fences of job {job} are {fences}.")
            if states.count("succeeded") != (state == "succeeded"):
                wrong.append(f"I5: job {job} is {state}, its attempts {states}.")
            if not ended:
                wrong.append(f"I4: job {job} has an attempt without an end: {states}.")
        return wrong

    def _leases(self) -> list[str]:
        rows = self.cluster.ask("SELECT resource, attempt_id, quarantined FROM compute_lease")
        return [f"I12: {row[0]} is still leased to attempt {row[1]} ({row[2]})." for row in rows]

    def _stories(self) -> list[str]:
        """I11: the story's numbers have no twin and it reaches its end; no gap before it is long.

        A story of more than THIN_EVERY events is thinned (jobs/history.py): then it may have holes.
        """
        rows = self.cluster.ask(
            """SELECT j.id, j.event_seq, count(e.id), min(e.seq), max(e.seq), max(e.seq)
                 FILTER (WHERE e.type = 'state' AND e.data->>'state' = j.state)
               FROM jobs_job j LEFT JOIN jobs_event e ON e.job_id = j.id GROUP BY j.id"""
        )
        wrong = []
        for job, last, number, low, high, end in rows:
            whole = number == last or last > THIN_EVERY
            if (low, high) != (1, last) or not whole or end is None:
                wrong.append(f"I11: job {job} counts {last} events and has {number}: "
                             f"{low} to {high}, its end is {end}.")  # fmt: skip
        return wrong

    def _files(self) -> list[str]:
        """I7, I8: a success has its files with their hashes and its row; no draft stays."""
        wrong = []
        rows = self.cluster.ask(
            """SELECT j.id, j.state, m.bundle, m.score, j.result->>'score' FROM jobs_job j
               LEFT JOIN lab_trainedmodel m ON m.job_id = j.id WHERE j.kind = 'train'"""
        )
        for job, state, bundle, score, result in rows:
            home = self.cluster.storage / f"models/job-{job}"
            if state == "succeeded":
                wrong += [f"I8: job {job} succeeded, but {one}" for one in damage(home)]
                if not bundle or score is None or abs(score - float(result)) > 1e-12:
                    wrong.append(f"I8: job {job} succeeded without its trained model.")
            elif bundle:
                wrong.append(f"I8: job {job} is {state} and has a model.")
        drafts = [*self.cluster.storage.glob(".[!t]*"), *self.cluster.storage.glob("models/.*")]
        wrong += [f"I12: {one} is left." for one in drafts]
        return wrong

    def secrets(self) -> list[str]:
        """I10: what no rank and no reader may get to see."""
        canary = self.cluster.environment["SECRET_KEY"][:20].encode()
        places = [one for one in self.cluster.storage.rglob("*") if one.is_file()]
        wrong = [f"I10: {one} tells the secret." for one in places if canary in one.read_bytes()]
        for job, fence in self.at_work():
            for one in self.cluster.mine():
                if processes.worn(one.pid).startswith(f"{job}.{fence}.") and any(
                    canary in entry for entry in environ(one.pid)
                ):
                    wrong.append(f"I10: a process of job {job} knows the secret.")
        return wrong


def damage(home: Path) -> list[str]:
    """What is wrong with a bundle, as the ends of a sentence."""
    try:
        model: dict[str, Any] = json.loads((home / "model.json").read_text())
    except (OSError, ValueError) as problem:
        return [f"its model cannot be read: {problem}."]
    wrong = []
    for name, digest in model["sha256"].items():
        try:
            found = hashlib.sha256((home / name).read_bytes()).hexdigest()
        except OSError as problem:
            found = str(problem)
        if found != digest:
            wrong.append(f"{name} is not what was written: {found}.")
    return wrong
