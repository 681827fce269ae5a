"""A score job on a table: streamed in blocks, so that memory stays bounded."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes import drift
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.pace import Count
from recipes.engine.peers import Peers
from recipes.engine.tabular import devices, explained_on
from recipes.engine.tabular.counted import Columns
from recipes.engine.tabular.described import describe
from recipes.engine.tabular.explained_on import Explains
from recipes.engine.tabular.figures import chosen
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.sharing import Share, meet
from recipes.engine.tabular.stream import Block
from recipes.engine.tabular.strongest import explanations
from recipes.engine.tabular.to_database import Destination, destination
from recipes.engine.tabular.written import FILES, Out, opened
from recipes.events import Journal
from recipes.job import BadJob, Job

Settings = Mapping[str, Any]  # clean values of recipes/kinds/score.py
NAMED = 20  # columns whose unseen values get a sentence of their own
EXPLAINED = 4_096  # rows that are explained at once: it takes long, and ranks share it by them
NO_ROWS = "The table has no rows to score."


def score_table(job: Job, folder: Path, peers: Peers, settings: Settings) -> None:
    """Write `output/`: the input's columns, `prediction`, and what the settings ask for."""
    to = None if peers.rank else destination(job)  # before all else: the way is read once
    with devices.begun(job, folder, peers, several=True) as (journal, threads):
        model = at(load(Path(job.spec["bundle"]), threads), settings["threshold"])
        dataset = source.unchanged(job.spec["dataset"])
        file = source.opened(dataset)
        _check(model, file, settings, to, journal)
        on = _by(job, peers, model, file, journal, settings)
        text = f"Scoring {file.metadata.num_rows:,} rows."
        journal.write("phase", name="score", text=text)
        share = _share(model, dataset, on, threads, settings)
        pieces = meet(folder, peers, file.metadata.num_rows, share.rows)
        if pieces is not None and peers.rank:
            share.work(pieces)
            _agreed(model, on, peers)
            return
        draft, count = _draft(folder), Count(journal, 1, file.metadata.num_rows, unit="row")
        with closing(share.alone() if pieces is None else share.all(pieces)) as scored:
            made = _write(scored, draft, settings, count)
        unseen = _agreed(model, on, peers)
        made.out.close()
        if settings["output"] == "dataset":
            journal.write("phase", name="report", text="Describing the columns.")
            describe(draft, dataset)
        draft.rename(folder / "output")
        name = f"output/{FILES[settings['output']]}"
        left = to.write(folder / name, journal) if to else {"file": name}
        facts = {**on.facts(), "ranks": peers.world, "threshold": model.about["threshold"]}
        _tell(model, made, unseen, {**left, "facts": facts}, journal)


class _By(NamedTuple):
    """What predicts the rows, and what explains them where that is asked for."""

    predicts: devices.Chosen
    explains: Explains | None

    def verify(self) -> None:
        """After the last row. Raises WrongDevice."""
        self.predicts.verify()
        if self.explains:
            self.explains.verify()

    def facts(self) -> dict[str, Any]:
        more = {"explanations": self.explains.facts()} if self.explains else {}
        return {**self.predicts.facts(), **more}


def _by(
    job: Job,
    peers: Peers,
    model: Model,
    file: pq.ParquetFile,
    journal: Journal,
    settings: Settings,
) -> _By:
    tried = job, peers, Path(job.spec["bundle"]), model, file, journal
    predicts = devices.chosen(*tried, settings["engine"])
    return _By(predicts, explained_on.chosen(*tried) if settings["explanations"] else None)


def _share(model: Model, dataset: Path, on: _By, threads: int, settings: Settings) -> Share:
    explained = on.explains.model if on.explains else None
    return Share(
        model=model,
        dataset=dataset,
        predict=on.predicts.predict,
        columns=partial(_columns, model, settings=settings, explained=explained),
        rows=min(model.rows_at_once, EXPLAINED) if explained else model.rows_at_once,
        threads=1 if explained else threads,  # explaining uses all of them between two blocks
    )


def _agreed(model: Model, on: _By, peers: Peers) -> dict[str, int]:
    """All ranks are done: what they met that the model did not learn. Raises WrongDevice."""
    on.verify()
    met = Counter[str]()
    for one in peers.gather(model.encoder.unseen()):
        met.update(one)
    return dict(met)


def check(model: Model, file: pq.ParquetFile) -> None:
    """Raises BadData where the table is not the one that was learned from, naming the columns."""
    if sentence := drift.of_model(model.about, source.types_of(file)):
        raise BadData(sentence)
    if not file.metadata.num_rows:
        raise BadData(NO_ROWS)


def _check(
    model: Model,
    file: pq.ParquetFile,
    settings: Settings,
    to: Destination | None,
    journal: Journal,
) -> None:
    """Also where the rows go takes them, before there is one. Raises BadData, Trouble."""
    check(model, file)
    if to is not None:
        to.check(_shape(model, file, settings), journal)


def at(model: Model, threshold: float | None) -> Model:
    """The model with another threshold. Raises BadJob where it has none."""
    if threshold is None:
        return model
    if len(model.about["classes"]) != 2:
        raise BadJob("Only a model of two classes has a threshold: leave it out.")
    return replace(model, about={**model.about, "threshold": threshold})


def _draft(folder: Path) -> Path:
    """An empty folder that becomes `output/` once it is whole."""
    for old in (folder / "output", folder / ".output"):
        shutil.rmtree(old, ignore_errors=True)
    (folder / ".output").mkdir()
    return folder / ".output"


@dataclass
class _Written:
    """Where the rows went, and what stood in them."""

    out: Out
    columns: Columns = field(default_factory=Columns)
    rows: int = 0
    dropped: int = 0


def _write(
    scored: Iterable[tuple[pa.Table, pa.Table]], draft: Path, settings: Settings, count: Count
) -> _Written:
    """All rows; `out` is left open, so that nothing stands for good before all ranks agree."""
    made: _Written | None = None
    for table, beside in scored:
        whole = _joined(table, beside)
        made = made or _Written(opened(draft, settings["output"], whole.schema))
        made.out.write(whole)
        made.columns.take(whole)
        made.rows += len(whole)
        made.dropped += beside.column("prediction").null_count
        count.add(len(whole))
    if made is None:
        raise BadData(NO_ROWS)
    return made


def _tell(
    model: Model, made: _Written, unseen: dict[str, int], more: dict[str, Any], journal: Journal
) -> None:
    for text in _sentences(model, unseen, made.dropped):
        journal.write("note", level="warning", text=text)
    journal.write(
        "finished",
        rows=made.rows,
        columns=made.columns.told(),
        damaged=made.dropped,
        unseen=unseen,
        **more,
    )


def _shape(model: Model, file: pq.ParquetFile, settings: Settings) -> pa.Schema:
    """The columns that all rows will have."""
    classes = model.about["classes"]
    given, best = np.empty((0, len(classes))), np.empty(0, np.int64)
    beside = {"prediction": _labels(model).slice(0, 0) if classes else pa.array([], pa.float64())}
    if classes:
        beside |= dict(_probabilities(classes, given, best, settings["probabilities"]))
    if settings["explanations"]:
        beside["explanations"] = pa.array([], pa.string())
    return _joined(file.schema_arrow.empty_table(), pa.table(beside)).schema


def _joined(table: pa.Table, beside: pa.Table) -> pa.Table:
    for name, values in zip(beside.column_names, beside.columns, strict=True):
        table = table.append_column(_free(name, table.column_names), values)
    return table


def _columns(
    model: Model, block: Block, *, settings: Settings, explained: Model | None
) -> pa.Table:
    """What stands beside the block's rows; null where a gap drops the row."""
    made = dict(_outputs(model, block, settings))
    if explained:
        made["explanations"] = explanations(explained, block, settings["explanations"])
    rows = len(block.table)
    return pa.table({name: _spread(one, block.there, rows) for name, one in made.items()})


def _outputs(model: Model, block: Block, settings: Settings) -> Iterator[tuple[str, pa.Array]]:
    classes, given = model.about["classes"], block.given
    if not classes:
        yield "prediction", pa.array(given, pa.float64())
    else:
        given = given if len(given) else np.empty((0, len(classes)))
        best = chosen(given, model.about["threshold"])
        yield "prediction", _labels(model).take(pa.array(best))
        yield from _probabilities(classes, given, best, settings["probabilities"])


def _labels(model: Model) -> pa.Array:
    """The classes as the target's column has them, to be compared with it: whole numbers, yes and
    no; as text where they would not come back as they were."""
    named = pa.array(model.about["classes"], pa.string())
    wanted = {"integer": pa.int64(), "boolean": pa.bool_()}.get(model.about.get("target_type", ""))
    if wanted is None:
        return named
    try:
        made = named.cast(wanted)
    except pa.ArrowInvalid:  # beyond 64 bits
        return named
    return made if source.as_text(made).equals(named) else named


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
