"""Where the explanations of a scoring are made: on the leased GPU, where the contributions there
are those of the CPU on the user's own rows; else on the CPU."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
from scipy.special import expit, softmax

from recipes.algorithms import ALGORITHMS
from recipes.engine.facts import versions_of
from recipes.engine.metrics import Floats
from recipes.engine.peers import Peers, device_name
from recipes.engine.tabular import apart, devices, parity
from recipes.engine.tabular.contributions import Contributions, of_matrix, scale
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.parity import Parity, Sample
from recipes.events import Journal
from recipes.job import Job
from recipes.learners.learner import Exact, ExplainsOnGpu, OnGpu, WrongDevice
from recipes.scorers import OWN

# What XGBoost itself holds its GPU's contributions to (tests/python-gpu/test_gpu_prediction.py).
TOLERANCE = 1e-3
SECONDS, FEW = 3.0, 5  # that the CPU may take for the rows that are compared; the fewest of them


@dataclass(frozen=True)
class Explains:
    """`model` is the one whose contributions are told."""

    model: Model
    device: str  # what a person calls it
    report: Parity | None = None  # None: no GPU was tried
    why: str = ""  # it was not, though the job has one

    @property
    def on_gpu(self) -> bool:
        return self.report is not None and self.report.used

    def verify(self) -> None:
        """After the last row: they were made where the job says. Raises WrongDevice."""
        on = _made_on(self.model)
        if self.on_gpu and not on.startswith("cuda"):
            raise WrongDevice(
                f"The job was to explain on {self.device} and the library went over to {on} on "
                "its way. Look at the node's driver, or choose the CPU."
            )

    def facts(self) -> dict[str, Any]:
        report = self.report.facts() if self.report else None
        return {"device": self.device, "parity": report, "why": self.why}


def chosen(
    job: Job, peers: Peers, place: Path, model: Model, file: pq.ParquetFile, journal: Journal
) -> Explains:
    """Compare the contributions to the table's first rows, and say what follows.

    All ranks explain on the same kind of device. `model` is loaded for the CPU.
    """
    name = device_name(job.compute, peers.device)
    if peers.device.type == "cpu":
        return Explains(model, name)
    card = ALGORITHMS[model.about["algorithm"]]
    if not (card.scores_on_gpu and able(model)):
        which = f"{'This' if card.scores_on_gpu else 'A'} model of {card.label}"
        why = f"{which} is explained on the CPU alone: it is so here, not on {name}."
        journal.write("note", level="info", text=why)
        return Explains(model, "CPU", why=why)
    journal.write("phase", name="read", text=f"Comparing explanations on {name} and on the CPU.")
    rows, wanted = _compared(model, file)
    told = rows.report(OWN, name, versions_of(model.about, peers.device.type))
    told, there = _tried(replace(told, tolerance=TOLERANCE), job, place, model, (rows, wanted))
    told = devices.worst(peers.gather(told))
    if told.used and there is not None:
        text = f"{told.why} {told.rows:,} rows were compared."
        journal.write("note", level="info", text=text)
        return Explains(there, name, told)
    text = f"{told.why} Explanations are made on the CPU, not on {name}."
    journal.write("note", level="warning", text=text)
    return Explains(model, "CPU", told)


def able(model: Model) -> bool:
    """Whether a GPU makes its contributions: by itself, or by the predictions they come from."""
    learner = model.learner
    if not isinstance(learner, Exact):
        return isinstance(learner, OnGpu)
    return isinstance(learner, ExplainsOnGpu) and learner.explains_on_gpu


def _compared(model: Model, file: pq.ParquetFile) -> tuple[Sample, Contributions]:
    """As many of the table's first rows as the CPU explains in time, and what it says."""
    first = devices.first_rows(model, file)
    few = parity.sample(model, first.slice(0, FEW))
    began = time.monotonic()
    found = of_matrix(model, few.matrix)
    a_row = (time.monotonic() - began) / max(1, few.rows)
    most = max(FEW, int(SECONDS / max(a_row, 1e-9)) // 2)  # each is there twice: once with a gap
    if most == FEW or len(first) <= FEW:
        return few, found
    rows = parity.sample(model, first.slice(0, most))
    return rows, of_matrix(model, rows.matrix)


def _tried(
    told: Parity, job: Job, place: Path, model: Model, compared: tuple[Sample, Contributions]
) -> tuple[Parity, Model | None]:
    """The report, and the model that explains on the GPU where it passed. Whatever the library
    raises: then it is not used."""
    rows, wanted = compared
    if not rows.rows:
        return told.unused("No row has what a prediction needs, so none could be compared."), None
    try:
        threads = max(1, job.compute.threads)
        there = replace(model, learner=load(place, threads, "cuda", tried=True).learner)
        given = of_matrix(there, rows.matrix)
    except Exception as failed:  # whatever a library raises: the CPU is there
        return told.unused(f"The GPU did not explain: {parity.said(failed)}"), None
    told = judged(replace(told, on=_made_on(there)), model, rows, wanted, given)
    return told, there if told.used else None


def judged(
    told: Parity, model: Model, rows: Sample, wanted: Contributions, given: Contributions
) -> Parity:
    """Both are to make the predictions, and the one to be the other."""
    if not told.on.startswith("cuda"):
        return told.unused(f"The library computed on the {told.on.upper()} in place of the GPU.")
    far = difference(model, wanted, given)
    told = replace(told, difference=far, agrees=False)
    if far is None:
        return told.unused("The GPU's contributions are no numbers where the CPU's are.")
    by = _called(model, far)
    if far > told.tolerance:
        return told.unused(f"The GPU explains otherwise than the CPU, by up to {by}.")
    for who, one in (("CPU", wanted), ("GPU", given)):
        missed = apart.difference(rows.wanted, _predicted(model, one))
        if missed is None or missed > told.tolerance:
            return told.unused(f"The {who}'s contributions do not add up to the predictions.")
    return replace(told, agrees=True, used=True, why=f"The GPU explains as the CPU does, to {by}.")


def difference(model: Model, wanted: Contributions, given: Contributions) -> float | None:
    """The largest between two contributions to a row: as a share of what `apart.units` says of a
    value, of the margin where that is more than 1, else as it is. None: not comparable."""
    both = [(wanted.values, given.values), (wanted.base, given.base)]
    if not all(one.shape == two.shape and np.isfinite(one - two).all() for one, two in both):
        return None
    total = _total(wanted)
    units = apart.units(total) if scale(model) == "value" else np.maximum(1, np.abs(total))
    moved = np.abs(wanted.values - given.values) / units[..., None]
    before = np.abs(wanted.base - given.base) / units
    return float(max(moved.max(initial=0.0), before.max(initial=0.0)))


def _total(one: Contributions) -> Floats:
    made: Floats = one.base + one.values.sum(-1)
    return made


def _predicted(model: Model, one: Contributions) -> Floats:
    """What the contributions add up to, as `predict` tells it."""
    total, unit = _total(one), scale(model)
    if unit == "margin":
        return cast(Floats, softmax(total, 1))
    if unit == "log-odds":
        total = expit(total)
    return total if unit == "value" or total.ndim == 2 else np.stack([1 - total, total], 1)


def _called(model: Model, far: float) -> str:
    return f"{far:.2g} of their spread" if scale(model) == "value" else f"{far:.2g}"


def _made_on(model: Model) -> str:
    return devices.OnItsGpu(model.learner).computes_on()
