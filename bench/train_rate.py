"""Training images/s on two CPU ranks: Trackside's loop against torchvision's, paired and repeated.

Same photos, model (ResNet-18 from scratch, all layers), batch, ranks, one thread a rank, random
crop and flip, SGD. The first epoch is left out on both sides: it fills our pixel cache and warms
oneDNN. The physical limit beside it comes from a matrix product measured in the same run.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from recipes.algorithms import ALGORITHMS
from recipes.job import Compute, Job, write
from recipes.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ROOT.parent / "shared" / "data" / "hymenoptera.zip"
ROUNDS, EPOCHS, BATCH, RANKS = 3, 3, 32, 2
GFLOP_PER_IMAGE = 3 * 2 * 1.82  # forward and twice that backward, 1.82 G multiply-adds at 224 px


def main() -> None:
    if not PHOTOS.exists():
        print("train_rate: skipped, ../shared/data/hymenoptera.zip is not here")
        return
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        with zipfile.ZipFile(PHOTOS) as archive:
            archive.extractall(work / "plain")
        dataset = imported(work)
        ours, theirs = [], []
        for turn in range(ROUNDS):
            ours.append(our_rate(work, dataset, turn))
            theirs.append(their_rate(work / "plain" / "train"))
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        limit = RANKS * matmul_gflops() / GFLOP_PER_IMAGE
    print(f"train_rate: ours {spread(ours)} images/s, torchvision's loop {spread(theirs)} images/s")
    print(f"train_rate: ratio {spread(ratios)} (wanted: at least 1)")
    print(f"train_rate: limit of this machine's matrix product {limit:.0f} images/s")


def imported(work: Path) -> dict[str, str]:
    """The photos through the ordinary intake."""
    folder = work / "import"
    spec = {"archive": str(PHOTOS), "name": PHOTOS.name, "kind": "images"}
    write(folder, Job(job=1, kind="import", spec=spec, cache=str(work), weights=str(work)))
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    facts = json.loads((folder / "output" / "facts.json").read_text())
    return {"folder": str(folder / "output"), "fingerprint": facts["fingerprint"]}


def our_rate(work: Path, dataset: dict[str, str], turn: int) -> float:
    folder = work / f"train{turn}"
    card, task = ALGORITHMS["backbone_classifier"], TASKS["image_classification"]
    training = {"epochs": EPOCHS, "batch_size": BATCH, "optimizer": "sgd", "early_stopping": False}
    params = {"backbone": "resnet18", "pretrained": False, "retrained": "all"}
    spec = {
        "task": task.name,
        "algorithm": card.name,
        "params": card.params.clean(params),
        "training": card.training.clean(training),
        "augmentation": task.augmentation.clean({"crop": 0.08}),
        "split": task.split.defaults(),
        "metric": task.default_metric,
        "dataset": dataset,
        "target": "label",
    }
    compute = Compute(ranks=RANKS, threads=1)
    write(folder, Job(job=2, kind="train", spec=spec, compute=compute,
                      cache=str(work / "cache"), weights=str(work / "weights")))  # fmt: skip
    torchrun("-m", "recipes", str(folder))
    lines = [json.loads(line) for line in (folder / "events.jsonl").open()]
    seconds = [one["train_seconds"] for one in lines if one["type"] == "epoch"][1:]
    images = next(one["facts"]["images"]["train"] for one in lines if one["type"] == "finished")
    return images * len(seconds) / sum(seconds)


def their_rate(folder: Path) -> float:
    out = torchrun(
        str(ROOT / "bench" / "reference_loop.py"), str(folder),
        "--batch", str(BATCH), "--epochs", str(EPOCHS),
    )  # fmt: skip
    rates = [float(line.split()[2]) for line in out.splitlines() if line.startswith("epoch")]
    return statistics.mean(rates[1:])


def torchrun(*command: str) -> str:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*run, "--nproc-per-node", str(RANKS), *command],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True,
        text=True,
    ).stdout  # fmt: skip


def matmul_gflops() -> float:
    """The best of ten products of 2048 x 2048 bfloat16 (float32 without hardware), one thread."""
    import torch

    torch.set_num_threads(1)
    able = torch.cpu.get_capabilities()
    kind = torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32
    one = torch.randn(2048, 2048).to(kind)
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        one @ one
        times.append(time.perf_counter() - begin)
    return 2 * 2048**3 / min(times) / 1e9


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]"


if __name__ == "__main__":
    main()
