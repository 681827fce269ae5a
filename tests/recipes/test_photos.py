"""The acceptance figure on real photos: 0.93 for three seeds, with every setting left as it is."""

import json
from pathlib import Path

import pytest

from recipes.job import Compute, Job, write
from tests.recipes.making import ROOT, events
from tests.recipes.warm import begin

PHOTOS = ROOT.parent / "shared" / "data" / "hymenoptera.zip"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not PHOTOS.exists(), reason="../shared/data/hymenoptera.zip is not here"),
]


def log(folder: Path) -> str:
    return (folder / "log.txt").read_text()


def test_the_defaults_reach_093_for_three_seeds_on_two_ranks(tmp_path: Path) -> None:
    spec = {"archive": str(PHOTOS), "name": PHOTOS.name, "kind": "images"}
    write(tmp_path / "import", Job(job=1, kind="import", spec=spec))
    assert begin(tmp_path / "import").wait() == 0, log(tmp_path / "import")
    output = tmp_path / "import" / "output"
    fingerprint = json.loads((output / "facts.json").read_text())["fingerprint"]
    scores = []
    for seed in (1, 2, 3):
        folder = tmp_path / f"seed{seed}"
        spec_ = {
            "task": "image_classification",
            "algorithm": "backbone_classifier",
            "dataset": {"folder": str(output), "fingerprint": fingerprint},
            "target": "label",
        }
        write(
            folder,
            Job(
                job=2,
                kind="train",
                spec=spec_,
                seed=seed,
                compute=Compute(ranks=2),
                cache=str(tmp_path / "cache"),
                weights=str(tmp_path / "weights"),
            ),
        )
        assert begin(folder).wait() == 0, log(folder)
        scores.append(events(folder, "finished")[0]["score"])
    assert min(scores) >= 0.93, scores
