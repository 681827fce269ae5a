"""An evaluate job on a table: streamed; what is judged at once is bounded by a fair sample."""

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine import drifted, evaluation
from recipes.engine.evaluation import Json, LeftOut
from recipes.engine.fair_sample import FairSample
from recipes.engine.metrics import Floats
from recipes.engine.pace import Count
from recipes.engine.peers import Peers
from recipes.engine.tabular import devices, figures, reference, report, scoring, then
from recipes.engine.tabular.judged_rows import JudgedRows
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.stream import Block, predicted
from recipes.events import Journal
from recipes.job import Job

CELLS, LEAST = 32_000_000, 100_000  # predictions that are judged at once; rows, at least


def evaluate_table(job: Job, folder: Path, peers: Peers) -> None:
    """Write `evaluation.json` and, where the spec asks for `rows`, `output/table.parquet`."""
    with devices.begun(job, folder, peers) as (journal, threads):
        bundle = Path(job.spec["bundle"])
        model = _at(bundle, load(bundle, threads), job.spec.get("threshold"))
        dataset = source.unchanged(job.spec["dataset"])
        file = source.opened(dataset)
        _check(model, file)
        on = devices.chosen(job, peers, bundle, model, file, journal)
        rows = file.metadata.num_rows
        journal.write("phase", name="score", text=f"Judging {rows:,} rows.")
        wanted = bool(job.spec.get("rows", True))
        walk = _Walk(model, JudgedRows(folder, wanted=wanted, read=dataset))
        count = Count(journal, 1, rows, unit="row")
        with closing(predicted(model, file, threads=threads, predict=on.predict)) as blocks:
            for block in blocks:
                walk.take(block)
                count.add(len(block.table))
        walk.written.close()
        on.verify()
        journal.write("phase", name="report", text="Comparing with the training.")
        _finish(walk, bundle, folder, rows, journal, on.facts())


def _at(bundle: Path, model: Model, threshold: float | None) -> Model:
    """The model with another threshold, and with the metrics that its training has there."""
    made = scoring.at(model, threshold)
    if made.about["threshold"] == model.about["threshold"]:
        return made
    metrics, tested = then.metrics(bundle, made.about), then.tested(bundle, made.about)
    return replace(made, about={**made.about, "metrics": metrics, "test_metrics": tested})


def _check(model: Model, file: pq.ParquetFile) -> None:
    """Raises BadData where the table cannot be read by the model, or has no truth to judge by."""
    scoring.check(model, file)
    target = model.about["target"]
    if target not in file.schema_arrow.names:
        raise BadData(
            f"The table has no column {target!r}, which the model predicts: without the truth "
            "nothing can be judged. Score it instead, or add that column."
        )


@dataclass
class _Walk:
    """One way over the table: what was judged, what was left out, samples for the drift."""

    model: Model
    written: JudgedRows
    left: LeftOut = field(default_factory=LeftOut)

    def __post_init__(self) -> None:
        about = self.model.about
        self.classes: list[str] = about["classes"]
        self.inputs = [one.name for one in self.model.encoder.columns]
        most = max(LEAST, CELLS // max(1, len(self.classes)))
        self.judged = FairSample(most)
        self.seen = FairSample(reference.rows_for(len(self.inputs)))

    def take(self, block: Block) -> None:
        table, about = block.table, self.model.about
        # As the reference: no rows that the model never sees. Rows without a truth it does see.
        met = table.select(self.inputs).take(pa.array(block.there))
        self.seen.take(reference.condensed(met, about["features"]))
        true, there = self._truth(table.column(about["target"]))
        gaps = ", ".join(map(repr, self.model.encoder.dropping[:5]))
        judged = there[block.there]
        dropped = _n(there) - _n(judged)
        self.left.add(f"{gaps} is missing, and the model predicts nothing then", dropped)
        places = block.there[judged]
        if not len(places):
            return
        given = block.given[judged]
        self.judged.take(_numbered(true[places], given))
        if self.written.wanted:
            self.written.add(table.take(pa.array(places)), given, true[places], about)

    def _truth(self, column: pa.ChunkedArray) -> tuple[Floats, Any]:
        """The class number or the number of each row, and whether it can be judged."""
        name = self.model.about["target"]
        self.left.add(f"the target {name!r} is missing", column.null_count)
        if not self.classes:
            return self._numbers(column, name)
        text = source.as_text(column)
        codes = pc.index_in(text, value_set=pa.array(self.classes)).fill_null(-1).to_numpy()
        strange = text.filter(pa.array((codes < 0) & text.is_valid().to_numpy()))
        self.left.strange(strange.to_pylist())
        return codes.astype(np.float64), codes >= 0

    def _numbers(self, column: pa.ChunkedArray, name: str) -> tuple[Floats, Any]:
        try:
            values: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
        except pa.ArrowInvalid:
            raise BadData(
                f"The target {name!r} holds {column.type}, not numbers. Correct the column's type "
                "in the dataset."
            ) from None
        there = np.isfinite(values)
        self.left.add(f"the target {name!r} is no finite number", _n(~there) - column.null_count)
        return values, there


def _n(which: Any) -> int:
    return int(np.count_nonzero(which))


def _numbered(true: Floats, given: Floats) -> pa.Table:
    """Truth and predictions side by side, as a sample keeps them."""
    columns = given[:, None] if given.ndim == 1 else given
    return pa.table({"true": true, **{f"p{k}": columns[:, k] for k in range(columns.shape[1])}})


def _finish(
    walk: _Walk, bundle: Path, folder: Path, rows: int, journal: Journal, facts: Json
) -> None:
    kept = walk.judged.table()
    if kept is None:
        raise walk.left.nothing("rows")
    about = walk.model.about
    true = kept.column("true").to_numpy()
    given = np.stack([one.to_numpy() for one in kept.columns[1:]], 1)
    given = given if walk.classes else given[:, 0]
    task, threshold = about["task"], about["threshold"]
    metrics = figures.judge(task, true, given, threshold)
    moved = _drift(walk, bundle, true, given)
    made = evaluation.write(
        folder,
        {
            **evaluation.about(about),
            **report.make(task, true, given, walk.classes, threshold),
            "target": about["target"],
            "rows": len(true),
            "judged": walk.judged.passed,
            "of": rows,
            "metrics": metrics,
            **walk.left.told(),
            "drift": moved,
        },
    )
    for text in [*walk.left.sentences("rows"), *_sampled(walk), *evaluation.sentences(moved)]:
        journal.write("note", level="warning", text=text)
    journal.write(
        "finished",
        **evaluation.finished(folder, about, made),
        facts={**facts, "threshold": threshold},
        **walk.written.told(),
    )


def _sampled(walk: _Walk) -> list[str]:
    kept, passed = walk.judged.kept, walk.judged.passed
    if kept == passed:
        return []
    return [f"The figures are those of {kept:,} of {passed:,} rows, drawn at random."]


def _drift(walk: _Walk, bundle: Path, true: Floats, given: Floats) -> Json:
    before, now = reference.read(bundle), walk.seen.table()
    features = walk.model.about["features"]
    known = before is not None and now is not None
    data = reference.compared(before, now, features) if known else None
    unseen = walk.model.encoder.unseen()
    for one in (data or {}).get("columns", []):
        one["unseen"] = unseen.get(one["name"], 0)
    prediction, target = then.compared(bundle, walk.model.about, true, given)
    return {
        "data": data,
        "why": "" if known else evaluation.OLD,
        "prediction": drifted.ranked(prediction),
        "target": drifted.ranked(target),
    }
