"""One table scored by several ranks: the file that one rank writes, and nothing that waits."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.engine.tabular.pieces import WAITING, Pieces
from recipes.job import Compute, Job, write
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import real, train
from tests.recipes.warm import begin

ROWS = 2 * 65_536 + 5_000  # three blocks
HOURS, COUNTRY = "hours-per-week", "native-country"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and rows of which some are dropped and some have a country it does not know."""
    home, adult = tmp_path_factory.mktemp("shared"), real("adult")
    drops = {"features": {HOURS: {"missing": "drop_rows"}}}
    train(home, adult.slice(0, 3_000), "income", spec=drops)
    drawn = np.arange(ROWS) % len(adult)
    table = adult.drop_columns(["income"]).take(pa.array(drawn))
    for name, each, new in ((COUNTRY, 1_000, "Atlantis"), (HOURS, 7_000, None)):
        values = table.column(name).to_pylist()
        values[3::each] = [new] * len(values[3::each])
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
    tabling.dataset(home / "big", table)
    return home


def score_job(home: Path, name: str, ranks: int, data: Path) -> Path:
    spec = {"bundle": str(home / "job" / "bundle"), "dataset": {"folder": str(data)}}
    compute = Compute(ranks=ranks, threads=1)
    write(home / name, Job(job=2, kind="score", spec=spec, compute=compute))
    return home / name


def scored(home: Path, ranks: int) -> Path:
    folder = score_job(home, f"by-{ranks}", ranks, home / "big")
    assert begin(folder).wait() == 0, events(folder, "failed")
    return folder


@pytest.mark.process
def test_several_ranks_write_the_file_of_one(home: Path) -> None:
    alone, together = scored(home, 1), scored(home, 2)
    files = [one / "output" / "table.parquet" for one in (alone, together)]
    assert files[0].read_bytes() == files[1].read_bytes()
    told = [events(one, "finished")[0] for one in (alone, together)]
    for name in ("rows", "columns", "damaged", "unseen"):
        assert told[0][name] == told[1][name], name
    assert told[1]["rows"] == ROWS
    assert told[1]["damaged"] == len(range(3, ROWS, 7_000))
    assert told[1]["unseen"][COUNTRY] >= len(range(3, ROWS, 1_000)) - told[1]["damaged"]
    assert told[1]["facts"]["ranks"] == 2
    assert len(events(together, "started")) == 1
    assert events(together, "progress")[-1]["done"] == ROWS


@pytest.mark.process
def test_what_one_rank_cannot_read_ends_all_of_them(home: Path) -> None:
    data = home / "torn"
    data.mkdir()
    whole = (home / "big" / "table.parquet").read_bytes()
    middle = pq.ParquetFile(home / "big" / "table.parquet").metadata.row_group(1).column(0)
    at = middle.data_page_offset
    (data / "table.parquet").write_bytes(whole[:at] + bytes(200) + whole[at + 200 :])
    folder = score_job(home, "of-torn", 2, data)
    assert begin(folder).wait() == 1
    assert len(events(folder, "failed")) == 1
    assert not (folder / "output").exists()


def pieces(folder: Path, world: int, count: int) -> Pieces:
    made = Pieces(folder / "pieces", world, count)
    made.prepare()
    return made


def piece(number: int) -> pa.Table:
    return pa.table({"n": [number]})


def done() -> "Future[None]":
    made: Future[None] = Future()
    made.set_result(None)
    return made


def test_each_piece_is_made_once_and_taken_in_order(tmp_path: Path) -> None:
    shared = pieces(tmp_path, 3, 200)
    made: list[list[int]] = [[], [], []]

    def work(rank: int) -> None:
        for number in shared.mine():
            made[rank].append(number)
            shared.give(number, piece(number))

    with ThreadPoolExecutor(3) as threads:
        workers = [threads.submit(work, rank) for rank in range(3)]
        taken = [one.column("n")[0].as_py() for one in shared.taken(workers[0])]
    assert taken == list(range(200))
    assert sorted(chain(*made)) == list(range(200))


def test_nobody_works_far_ahead_of_who_writes(tmp_path: Path) -> None:
    shared = pieces(tmp_path, 1, 50)
    made: list[int] = []
    waits = threading.Event()

    def work() -> None:
        for number in shared.mine():
            shared.give(number, piece(number))
            made.append(number)
            if len(made) == WAITING:
                waits.set()

    with ThreadPoolExecutor(1) as thread:
        worker = thread.submit(work)
        assert waits.wait(60)
        taking = shared.taken(worker)
        next(taking)
        shared.close()  # what waits for the writer ends when nothing is taken any more
        worker.result(60)
    assert WAITING <= len(made) <= WAITING + 1


def test_a_worker_that_fails_fails_who_waits_for_it(tmp_path: Path) -> None:
    shared, failed = pieces(tmp_path, 1, 2), Future[None]()
    failed.set_exception(MemoryError("no room"))
    with pytest.raises(MemoryError, match="no room"):
        next(shared.taken(failed))


def test_a_worker_that_is_done_leaves_the_rest_to_the_others(tmp_path: Path) -> None:
    shared = pieces(tmp_path, 2, 1)
    later = threading.Timer(0.1, shared.give, (0, piece(7)))
    later.start()
    assert next(shared.taken(done())).column("n").to_pylist() == [7]
    later.join()
