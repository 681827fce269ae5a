"""`make soak`: each process killed at each crash point, then random kills for as long as asked.

`python -m tests.faults.soak --minutes 60 [--seed N] [--out bench/soak.md]`. The end is a line of a
table: what was accepted, what became of it, what was killed, and that nothing was lost or doubled.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.faults import cluster as clusters
from tests.faults.auditor import Auditor
from tests.faults.cluster import FINAL, NODES, TIMES, Cluster
from tests.faults.test_crash_points import kill_at, of, restart, work
from tests.faults.test_processes import result, undisturbed
from tests.product import ROOT
from workers.scheduler import SETTLE_EVERY

PROCESSES = ("web", "scheduler", "agent")  # leaders and ranks carry their agent's crash point
AUDIT = 60.0  # seconds of random kills between two audits
MOST_AT_ONCE = 10  # jobs that are not over


class Soak:
    """One run. `chance` decides all that is random, but the machine has a say in the order."""

    def __init__(self, cluster: Cluster, auditor: Auditor, seed: int) -> None:
        self.cluster, self.auditor = cluster, auditor
        self.chance = random.Random(seed)
        self.points = 0
        self.faults: Counter[str] = Counter()

    # --- the product of processes and points ----------------------------------------------------

    def learn(self) -> list[tuple[str, str]]:
        """Which crash points each process comes by, found by letting it come by them."""
        found: list[tuple[str, str]] = []
        logs = {one: self.cluster.home / f"points-{one}" for one in PROCESSES}
        for process, log in logs.items():
            restart(self.cluster, of(self.cluster, process), {"TRACKSIDE_CRASH_LOG": str(log)})
        work(self.cluster)
        for process, log in logs.items():
            restart(self.cluster, of(self.cluster, process), {})
            found += [(process, name) for name in sorted(set(log.read_text().split()))]
        return found

    def product(self) -> None:
        pairs = self.learn()
        self.chance.shuffle(pairs)
        self.say(f"{len(pairs)} pairs of process and crash point")
        for process, name in pairs:
            passes = self.chance.choice((1, 1, 2))
            fell = kill_at(self.cluster, process, name, passes=passes)
            if not fell and passes > 1:  # it comes by once only
                fell = kill_at(self.cluster, process, name, passes=1)
            if not fell:  # it comes by now and then, while a job works
                fell = kill_at(self.cluster, process, name, held=2 * SETTLE_EVERY)
            self.auditor.settled(within=60)
            self.points += len(fell)
            self.say(f"{process} {'killed at' if fell else 'did not come by'} {name}")

    # --- at random ------------------------------------------------------------------------------

    def storm(self, until: float) -> None:
        while time.monotonic() < until:
            pause = min(until, time.monotonic() + AUDIT)
            while time.monotonic() < pause:
                self.people()
                name, act = self.chance.choice(list(self.acts().items()))
                with suppress(ProcessLookupError, FileNotFoundError, LookupError):
                    act()
                    self.faults[name] += 1
                time.sleep(self.chance.uniform(0.2, 2.5))
            self.quiet()

    def people(self) -> None:
        """They click, and change their minds."""
        open_ = self.open()
        while len(open_) < MOST_AT_ONCE and self.chance.random() < 0.8:
            wish = self.chance.choice([{"count": 1}, {"count": 2}, {"count": 1}])
            who = self.chance.choice(["ada", "ben"])
            open_.append(self.cluster.click(who, kind="any", **wish))
        for _ in range(2):
            job = self.chance.choice(open_) if open_ else 0
            how = self.chance.choice(["", "", "", "cancel", "finish_early", "pause", "resume"])
            if job and how in ("cancel", "finish_early"):
                self.cluster.stop(job, how)
            elif job and how:
                self.post(f"/jobs/{job}/{how}")

    def post(self, path: str) -> None:
        import httpx

        with suppress(httpx.HTTPError), self.cluster.api() as line:
            line.post(path, json={})

    def open(self) -> list[int]:
        rows = self.cluster.ask("SELECT id FROM jobs_job WHERE NOT state = ANY(%s)", list(FINAL))
        return [row[0] for row in rows]

    def acts(self) -> dict[str, Callable[[], None]]:
        return {
            "web killed": lambda: self.kill("web"),
            "scheduler killed": lambda: self.kill(self.chance.choice(("scheduler0", "scheduler1"))),
            "agent killed": lambda: self.kill(self.chance.choice(NODES)),
            "agent upgraded": lambda: self.kill(self.chance.choice(NODES), signal.SIGTERM),
            "zygote killed": self.kill_zygote,
            "leader killed": lambda: self.kill_gang(leader=True),
            "rank killed": lambda: self.kill_gang(leader=False),
            "Valkey restarted empty": self.empty_valkey,
            "Postgres killed": self.kill_postgres,
            "node stood still": self.stand_still,
            **({"storage full": self.fill_storage} if self.cluster.storage.is_mount() else {}),
        }

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.cluster.parts[name].pid, number)

    def kill_zygote(self) -> None:
        zygote = self.cluster.zygote(self.chance.choice(NODES))
        if zygote:
            os.kill(zygote, signal.SIGKILL)

    def kill_gang(self, *, leader: bool) -> None:
        rows = self.cluster.ask(
            "SELECT job_id, pid FROM jobs_attempt WHERE pid IS NOT NULL "
            "AND state IN ('starting', 'running', 'stopping')"
        )
        if rows:
            job, pid = self.chance.choice(rows)
            os.kill(pid if leader else self.cluster.ranks(job)[0].pid, signal.SIGKILL)

    def empty_valkey(self) -> None:
        self.cluster.broker.stop()
        time.sleep(self.chance.uniform(0, 3))
        self.cluster.broker.start()

    def kill_postgres(self) -> None:
        self.cluster.database.kill()
        time.sleep(self.chance.uniform(0, 2))
        self.cluster.database.start()

    def stand_still(self) -> None:
        """The agent of a node for a while, now and then for longer than a lease."""
        pid = self.cluster.parts[self.chance.choice(NODES)].pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.chance.choice((0.5, 2, TIMES["LEASE"] * 0.6)))
        os.kill(pid, signal.SIGCONT)

    def fill_storage(self) -> None:
        filler = self.cluster.storage / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as out:
            while out.write(bytes(1 << 20)):
                pass
        time.sleep(self.chance.uniform(0.2, 3))
        filler.unlink()

    def quiet(self) -> None:
        """No more faults: everything comes to its end, and the auditor looks."""
        self.cluster.until(self.cluster.ready, "the cluster to be whole")
        for job in self.open():
            self.post(f"/jobs/{job}/resume")
        self.cluster.until(lambda: not self.open(), "every job to end", 240)
        self.auditor.settled(within=90)
        for job, state in self.cluster.ask("SELECT id, state FROM jobs_job"):
            epochs = self.cluster.one("SELECT result->'metrics'->>'epochs' FROM jobs_job "
                                      "WHERE id = %s", job)  # fmt: skip
            if state == "succeeded" and epochs == "4":
                assert result(self.cluster, job) == undisturbed(self.cluster, job), job
        self.say(f"{sum(self.faults.values())} random faults, {len(self.cluster.accepted)} jobs")

    def say(self, what: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {what}", flush=True)

    # --- the outcome ----------------------------------------------------------------------------

    def lost(self) -> int:
        rows = self.cluster.ask("SELECT id, state FROM jobs_job")
        ended = {job for job, state in rows if state in FINAL}
        return len(set(self.cluster.accepted) - ended)

    def doubled(self) -> int:
        twice = """SELECT job_id FROM jobs_event WHERE type = 'state' AND data->>'state' IN
          ('succeeded', 'failed', 'cancelled') GROUP BY 1 HAVING count(*) > 1"""
        return len(self.cluster.ask(twice)) + len(self.auditor.found)


def line(soak: Soak, seed: int, minutes: float) -> str:
    states: Counter[str] = Counter(
        dict(soak.cluster.ask("SELECT state, count(*) FROM jobs_job GROUP BY 1"))
    )
    ended = " / ".join(str(states[one]) for one in FINAL)
    faults = ", ".join(f"{number} {name}" for name, number in sorted(soak.faults.items()))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()  # fmt: skip
    cells = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}", commit or "-", f"{os.cpu_count()} cores", seed,
        f"{minutes:.0f}", soak.points, f"{sum(soak.faults.values())}: {faults}",
        len(soak.cluster.accepted), ended, soak.auditor.looks, soak.lost(), soak.doubled(),
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |\n"


def main() -> int:
    asked = argparse.ArgumentParser(prog="soak")
    asked.add_argument("--minutes", type=float, default=60, help="of random kills")
    asked.add_argument("--seed", type=int, default=int(time.time()))
    asked.add_argument("--out", type=Path, default=ROOT / "bench" / "soak.md")
    asked.add_argument("--only", choices=("product", "storm"))
    given = asked.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    nodes = dict.fromkeys(NODES, "2xH100-80GB")
    small: dict[str, str] = {"disk": "256m", "TRACKSIDE_STORAGE_FLOOR_MB": "8"}
    with clusters.running(nodes, **small) as cluster, Auditor(cluster) as auditor:
        soak = Soak(cluster, auditor, given.seed)
        if given.only != "storm":
            soak.product()
        if given.only != "product":
            soak.storm(time.monotonic() + 60 * given.minutes)
        text = line(soak, given.seed, (time.monotonic() - began) / 60)
        print(text)
        with given.out.open("a") as out:
            out.write(text)
        return 1 if soak.lost() or soak.doubled() else 0


if __name__ == "__main__":
    sys.exit(main())
