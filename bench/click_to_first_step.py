"""From the click to the first training step: through the warm launch against a cold torchrun.

In turns: a job is submitted as the Train button does it (database, doorbell, claim, zygote and
two ranks), then torchrun starts a copy of the very same job folder. Both are timed up to the first
`step` in the journal. A first job, not counted, fills the pixel cache for both.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, RANKS = 5, 2
WANTED = 1 / 5


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ts-") as place:
        home = Path(place)
        environment(home)
        import django

        django.setup()
        with node(home):
            dataset = photos(home)
            click(dataset, 0)
            warm, cold = [], []
            for turn in range(1, ROUNDS + 1):
                seconds, folder = click(dataset, turn)
                warm.append(seconds)
                cold.append(torchrun(folder, home / f"cold{turn}"))
    ratios = [one / other for one, other in zip(warm, cold, strict=True)]
    print(f"click_to_first_step: warm {spread(warm)} s, torchrun {spread(cold)} s")
    print(f"click_to_first_step: ratio {spread(ratios)} (wanted: at most {WANTED:g})")
    return 0 if statistics.median(ratios) <= WANTED else 1


def environment(home: Path) -> None:
    for name in ("SECRET_KEY", "TRACKSIDE_STORAGE", "TRACKSIDE_FAKE_GPUS"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "trackside.config.settings",
        "TRACKSIDE_HOME": str(home),
        "TRACKSIDE_NODE": "bench",
        "DATABASE_URL": f"sqlite:///{home}/db.sqlite3",
        "BROKER_URL": f"redis+socket://{home}/valkey.sock",
    }


@contextmanager
def node(home: Path) -> Iterator[None]:
    """A broker and an agent, warm, and nothing of them afterwards."""
    from django.core.management import call_command

    from trackside.compute.models import Node
    from workers import valkey

    call_command("migrate", interactive=False, verbosity=0)
    log = (home / "log").open("w")
    broker = subprocess.Popen(valkey.command(home, home / "valkey.log"), stdout=log, stderr=log)
    agent = subprocess.Popen(
        [sys.executable, "-m", "workers.agent"], cwd=ROOT, stdout=log, stderr=log
    )
    try:
        until(lambda: Node.objects.filter(warm=True).exists(), "the zygote to be warm")
        until(lambda: Node.objects.get().catalogue.get("backbones"), "the catalogue")
        yield
    finally:
        agent.send_signal(signal.SIGINT)
        agent.wait()
        broker.terminate()
        broker.wait()


def photos(home: Path) -> dict[str, str]:
    """The demonstration photos through the ordinary intake."""
    from recipes.data import demo
    from recipes.job import Job, write

    demo.write(home / "demo.zip")
    spec = {"archive": str(home / "demo.zip"), "name": "demo.zip", "kind": "images"}
    write(home / "import", Job(job=1, kind="import", spec=spec))
    command = [sys.executable, "-m", "recipes", str(home / "import")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    facts = json.loads((home / "import" / "output" / "facts.json").read_text())
    return {"folder": str(home / "import" / "output"), "fingerprint": facts["fingerprint"]}


def design(dataset: dict[str, str]) -> dict[str, Any]:
    """A job that trains from its first second: all layers of a small net on small pictures."""
    from recipes.algorithms import ALGORITHMS
    from recipes.tasks import TASKS

    card, task = ALGORITHMS["backbone_classifier"], TASKS["image_classification"]
    params = {
        "backbone": "resnet18",
        "pretrained": False,
        "retrained": "all",
        "image_size": 64,
    }
    return {
        "task": task.name,
        "algorithm": card.name,
        "params": card.params.clean(params),
        "training": card.training.clean({"epochs": 1, "batch_size": 8, "early_stopping": False}),
        "augmentation": task.augmentation.defaults(),
        "split": task.split.defaults(),
        "metric": task.default_metric,
        "dataset": dataset,
        "target": "label",
    }


def click(dataset: dict[str, str], turn: int) -> tuple[float, Path]:
    """Seconds from the click to the first step, and the job folder; the job is then cancelled."""
    from django.conf import settings

    from trackside.accounts.models import User
    from trackside.jobs import services
    from trackside.jobs.models import Attempt
    from trackside.projects.models import Project

    project, _ = Project.objects.get_or_create(key="BENCH", name="Bench")
    user, _ = User.objects.get_or_create(username="bench")
    spec = design(dataset)
    begin = time.time()
    job = services.submit(
        project=project,
        user=user,
        kind="train",
        title="Bench",
        spec=spec,
        compute={"kind": "cpu", "ranks": RANKS},
        click_id=str(turn),
    )
    until(lambda: Attempt.objects.filter(job=job, claimed_at__isnull=False).exists(), "a claim")
    attempt = Attempt.objects.get(job=job)
    folder = Path(settings.TRACKSIDE_STORAGE) / attempt.folder
    first = until(lambda: first_step(folder), "the first step")
    services.stop(job, user=user, how="cancel")
    until(lambda: gone(job), "the job to be gone")
    attempt.refresh_from_db()
    if attempt.launch != "warm" and turn:
        raise SystemExit(f"The launch was {attempt.launch}; see the log of the agent.")
    return first - begin, folder


def gone(job: Any) -> bool:
    from trackside.compute.models import Lease

    job.refresh_from_db()
    return bool(job.finished_at) and not Lease.objects.filter(attempt__job=job).exists()


def torchrun(folder: Path, copy: Path) -> float:
    """Seconds that a cold start of the same job.json takes to its first step."""
    copy.mkdir()
    shutil.copy(folder / "job.json", copy / "job.json")
    begin = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone",
         "--nproc-per-node", str(RANKS), "-m", "recipes", str(copy)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return float(until(lambda: first_step(copy), "the first step")) - begin
    finally:
        process.terminate()
        process.wait()


def first_step(folder: Path) -> float | None:
    """Unix time of the first `step` line."""
    try:
        lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return None
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    if any(one["type"] == "failed" for one in events):
        raise SystemExit(next(one["message"] for one in events if one["type"] == "failed"))
    return next((float(one["t"]) for one in events if one["type"] == "step"), None)


def until(true: Any, what: str) -> Any:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        answer = true()
        if answer:
            return answer
        time.sleep(0.01)
    raise SystemExit(f"Waited in vain for {what}.")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]"


if __name__ == "__main__":
    sys.exit(main())
