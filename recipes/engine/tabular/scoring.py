"""A score job on a table: streamed in blocks, so that memory stays bounded."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes import drift
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.pace import Count
from recipes.engine.peers import Peers
from recipes.engine.tabular import devices, written
from recipes.engine.tabular.counted import Columns
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.outcome import chosen
from recipes.engine.tabular.stream import Block, predicted
from recipes.engine.tabular.strongest import explanations
from recipes.events import Journal
from recipes.job import BadJob, Job

Settings = Mapping[str, Any]  # clean values of recipes/kinds/score.py
NAMED = 20  # columns whose unseen values get a sentence of their own


def score_table(job: Job, folder: Path, peers: Peers, settings: Settings) -> None:
    """Write `output/`: the input's columns, `prediction`, and what the settings ask for."""
    with devices.begun(job, folder, peers) as (journal, threads):
        place = Path(job.spec["bundle"])
        model = at(load(place, threads), settings["threshold"])
        file = source.opened(source.unchanged(job.spec["dataset"]))
        check(model, file)
        on = devices.chosen(job, peers, place, model, file, journal)
        journal.write("phase", name="score", text=f"Scoring {file.metadata.num_rows:,} rows.")
        _write(model, file, on, folder, settings, threads, journal)


def check(model: Model, file: pq.ParquetFile) -> None:
    """Raises BadData where the table is not the one that was learned from, naming the columns."""
    if sentence := drift.of_model(model.about, source.types_of(file)):
        raise BadData(sentence)
    if not file.metadata.num_rows:
        raise BadData("The table has no rows to score.")


def at(model: Model, threshold: float | None) -> Model:
    """The model with another threshold. Raises BadJob where it has none."""
    if threshold is None:
        return model
    if len(model.about["classes"]) != 2:
        raise BadJob("Only a model of two classes has a threshold: leave it out.")
    return replace(model, about={**model.about, "threshold": threshold})


def _write(  # noqa: PLR0913 - what a scoring is made of
    model: Model,
    file: pq.ParquetFile,
    on: devices.Chosen,
    folder: Path,
    settings: Settings,
    threads: int,
    journal: Journal,
) -> None:
    output, draft = folder / "output", folder / ".output"
    for old in (output, draft):
        shutil.rmtree(old, ignore_errors=True)
    draft.mkdir()
    count, columns = Count(journal, 1, file.metadata.num_rows, unit="row"), Columns()
    out: written.Out | None = None
    dropped = 0
    # Explaining uses the model, and all threads, between two blocks.
    side = 1 if settings["explanations"] else threads
    with closing(predicted(model, file, threads=side, predict=on.learner.predict)) as blocks:
        for block in blocks:
            made = _scored(model, block, settings)
            out = out or written.opened(draft, settings["output"], made.schema)
            out.write(made)
            columns.take(made)
            dropped += len(block.table) - len(block.there)
            count.add(len(made))
    if out is not None:
        out.close()
    on.verify()
    draft.rename(output)
    unseen = model.encoder.unseen()
    for text in _sentences(model, unseen, dropped):
        journal.write("note", level="warning", text=text)
    journal.write(
        "finished",
        rows=file.metadata.num_rows,
        columns=columns.told(),
        file=f"output/{written.FILES[settings['output']]}",
        damaged=dropped,
        unseen=unseen,
        facts={**on.facts(), "threshold": model.about["threshold"]},
    )


def _scored(model: Model, block: Block, settings: Settings) -> pa.Table:
    """The block with its predictions; null where a gap drops the row."""
    made = block.table
    for name, values in _outputs(model, block, settings):
        whole = _spread(values, block.there, len(block.table))
        made = made.append_column(_free(name, made.column_names), whole)
    return made


def _outputs(model: Model, block: Block, settings: Settings) -> Iterator[tuple[str, pa.Array]]:
    classes, given = model.about["classes"], block.given
    if not classes:
        yield "prediction", pa.array(given, pa.float64())
    else:
        given = given if len(given) else np.empty((0, len(classes)))
        best = chosen(given, model.about["threshold"])
        yield "prediction", pa.array(classes, pa.string()).take(pa.array(best))
        yield from _probabilities(classes, given, best, settings["probabilities"])
    if settings["explanations"]:
        yield "explanations", explanations(model, block, settings["explanations"])


def _probabilities(
    classes: list[str], given: Floats, best: Ints, which: str
) -> Iterator[tuple[str, pa.Array]]:
    if which == "predicted":
        yield "proba", pa.array(np.take_along_axis(given, best[:, None], 1)[:, 0])
    elif which == "all":
        for place, name in enumerate(classes):
            yield f"proba_{name}", pa.array(given[:, place])


def _spread(values: pa.Array, there: Ints, rows: int) -> pa.Array:
    if len(there) == rows:
        return values
    places = np.full(rows, -1)
    places[there] = np.arange(len(there))
    return values.take(pa.array(places, mask=places < 0))


def _free(name: str, taken: list[str]) -> str:
    """The input's own columns keep their names."""
    while name in taken:
        name += "_"
    return name


def _sentences(model: Model, unseen: dict[str, int], dropped: int) -> list[str]:
    made = [
        f"{count:,} values of {name!r} are no category that the model learned: they count as "
        "unknown."
        for name, count in list(unseen.items())[:NAMED]
    ]
    if len(unseen) > NAMED:
        made.append(f"{len(unseen)} columns in all have values that the model did not learn.")
    if dropped:
        columns = ", ".join(map(repr, model.encoder.dropping[:5]))
        made.append(f"{dropped:,} rows have no prediction: {columns} is missing there.")
    return made
