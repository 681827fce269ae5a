"""The job folder of a real GPU: trained there, scored there, and the same answers on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from recipes.algorithms import ALGORITHMS
from recipes.job import Compute, Job, write
from recipes.tasks import TASKS
from tests.product import ROOT

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def run(folder: Path, job: Job) -> list[dict[str, Any]]:
    write(folder, job)
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    return [json.loads(line) for line in (folder / "events.jsonl").open()]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Circles and crosses in a hundred places, through the ordinary intake."""
    place = tmp_path_factory.mktemp("shapes")
    for number in range(120):
        kind = ("circle", "cross")[number % 2]
        image = Image.new("RGB", (160, 160), (number, 90, 200 - number))
        pen, x = ImageDraw.Draw(image), 20 + number % 60
        if kind == "circle":
            pen.ellipse((x, x, x + 60, x + 60), outline="white", width=8)
        else:
            pen.line((x, x, x + 60, x + 60), fill="white", width=8)
            pen.line((x, x + 60, x + 60, x), fill="white", width=8)
        target = place / "images" / kind / f"{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(target)
    archive = place / "shapes.tar"
    subprocess.run(["tar", "-C", str(place / "images"), "-cf", str(archive), "."], check=True)
    spec = {"archive": str(archive), "name": "shapes.tar", "kind": "images"}
    run(place / "job", Job(job=1, kind="import", spec=spec))
    output = place / "job" / "output"
    facts = json.loads((output / "facts.json").read_text())
    return {"folder": str(output), "fingerprint": facts["fingerprint"]}


def train_spec(dataset: dict[str, str]) -> dict[str, Any]:
    card, task = ALGORITHMS["backbone_classifier"], TASKS["image_classification"]
    resolved = card.resolve(
        card.params.defaults(),
        card.training.clean({"epochs": 4}),
        task.augmentation.defaults(),
        "cuda",
    )
    return {
        "task": task.name,
        "algorithm": card.name,
        "params": resolved.params,
        "training": resolved.training,
        "augmentation": resolved.augmentation,
        "split": task.split.defaults(),
        "metric": task.default_metric,
        "dataset": dataset,
        "target": "label",
    }


def test_a_job_trains_on_its_leased_gpu_and_scores_alike_on_the_cpu(
    uuids: list[str], dataset: dict[str, str], tmp_path: Path
) -> None:
    places = {"cache": str(tmp_path / "cache"), "weights": str(tmp_path / "weights")}
    compute = Compute(device="cuda", ranks=1, uuids=(uuids[0],))
    events = run(
        tmp_path / "train",
        Job(job=2, kind="train", spec=train_spec(dataset), compute=compute, **places),
    )
    assert events[-1]["type"] == "finished", events[-1]
    facts = events[-1]["facts"]
    assert facts["retrained"] == "all"
    assert facts["precision"] in ("bf16", "fp16")
    assert facts["peak_memory"] > 50 * 2**20
    assert events[-1]["score"] >= 0.9
    answers = {}
    for device in ("cuda", "cpu"):
        spec = {"bundle": str(tmp_path / "train" / "bundle"), "dataset": dataset, "batch": 32}
        compute = Compute(device=device, uuids=(uuids[0],) if device == "cuda" else ())
        folder = tmp_path / device
        run(folder, Job(job=3, kind="score", spec=spec, compute=compute, **places))
        rows = (folder / "output" / "data.csv").read_text().splitlines()[1:]
        answers[device] = [row.split(",")[1] for row in rows]
    alike = sum(a == b for a, b in zip(answers["cuda"], answers["cpu"], strict=True))
    assert alike >= 0.98 * len(answers["cpu"])


def test_every_gpu_takes_one_rank_under_nccl(
    uuids: list[str], dataset: dict[str, str], tmp_path: Path
) -> None:
    if len(uuids) < 2:
        pytest.skip("this machine has one GPU")
    places = {"cache": str(tmp_path / "cache"), "weights": str(tmp_path / "weights")}
    compute = Compute(device="cuda", ranks=len(uuids), uuids=tuple(uuids))
    events = run(
        tmp_path / "job",
        Job(job=4, kind="train", spec=train_spec(dataset), compute=compute, **places),
    )
    assert events[-1]["type"] == "finished", events[-1]
    assert events[-1]["facts"]["ranks"] == len(uuids)


FORK_CHECK = """
import os, sys, torch
maps = open('/proc/self/maps').read()
assert len(os.listdir('/proc/self/task')) == 1, 'the parent has threads'
assert not torch.cuda.is_initialized() and 'libcuda.so' not in maps, 'importing torch woke CUDA'
pid = os.fork()
if pid == 0:
    os.environ['CUDA_VISIBLE_DEVICES'] = sys.argv[1]
    ones = torch.ones(512, 512, device='cuda')
    os._exit(0 if (ones @ ones)[0, 0].item() == 512 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_child_forked_before_cuda_woke_can_use_the_gpu(uuids: list[str]) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", FORK_CHECK, uuids[0]], check=True, env=env)
