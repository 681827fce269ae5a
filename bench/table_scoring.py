"""Ten million rows scored end to end (read, encode, predict, write) against pandas and XGBoost.

Taxi rides of ../shared/data drawn again and again, two numbers of each shaken: 11 columns, zstd,
100 trees of depth 6. Memory is bounded whatever the rows: so much more than before the first one.
Two peers (bench/table_peer.py): pandas' own categories in one DMatrix, so another model with fewer
columns, and our very model and columns. Same cores, one and all of them, in turn; libraries are
imported before the clock starts. pandas is no part of Trackside; without it only ours is measured:

    pip install --target /tmp/peer pandas==3.0.6 python-dateutil six
    TRACKSIDE_BENCH_PEER=/tmp/peer python -m bench.table_scoring

TRACKSIDE_BENCH_ROWS and TRACKSIDE_BENCH_ROUNDS make it smaller.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TAXIS = ROOT.parent / "shared" / "data" / "taxis.csv"
ROWS = int(os.environ.get("TRACKSIDE_BENCH_ROWS", "10_000_000"))
ROUNDS = int(os.environ.get("TRACKSIDE_BENCH_ROUNDS", "3"))
PEER = os.environ.get("TRACKSIDE_BENCH_PEER", "")
TREES, BLOCK = 100, 65_536
WANTED = 1.35
MORE = 400  # MB that a scoring takes beside what the libraries take, at most
PEERS = ("native", "encoded")
Figures = dict[str, float]


def main() -> int:
    if not TAXIS.exists():
        print("table_scoring: skipped, ../shared/data/taxis.csv is not here")
        return 0
    peers = PEERS if _peer("-c", "import pandas") else ()
    if not peers:
        print("table_scoring: without peers: pandas is not here, the docstring says how it comes")
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        _prepare(home, peers)
        cores = sorted({1, len(os.sched_getaffinity(0))})
        return max(_compared(home, count, peers) for count in cores)


def _prepare(home: Path, peers: tuple[str, ...]) -> None:
    """The model, the peer's model, and the rows to score."""
    import pyarrow as pa

    from tests.recipes import tabling

    table = tabling.real("taxis")
    tipped = pa.array(["yes" if tip else "no" for tip in table.column("tip").to_pylist()])
    table = table.drop_columns(["tip", "total", "payment"]).append_column("tipped", tipped)
    data = tabling.dataset(home / "train", table)
    params = {"rounds": TREES, "early_stopping": False}
    tabling.run(tabling.job(home, data, "tipped", spec={"params": params}))
    _grow(home / "big", table.drop_columns(["tipped"]))
    if not peers:
        return
    (home / "native").mkdir()
    made = [home / "train" / "table.parquet", "tipped", home / "native", TREES]
    _peer(ROOT / "bench" / "table_peer.py", "native", "train", *made)


def _grow(folder: Path, table: Any) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    folder.mkdir()
    with pq.ParquetWriter(folder / "table.parquet", table.schema, compression="zstd") as out:
        for start in range(0, ROWS, BLOCK):
            count = min(BLOCK, ROWS - start)
            drawn = table.take(pa.array(rng.integers(0, len(table), count)))
            for name in ("distance", "fare"):
                shaken = drawn.column(name).to_numpy() * rng.uniform(0.9, 1.1, count)
                place = drawn.column_names.index(name)
                drawn = drawn.set_column(place, name, pa.array(shaken.round(2)))
            out.write_table(drawn, row_group_size=BLOCK)


def _compared(home: Path, cores: int, peers: tuple[str, ...]) -> int:
    """All of them in turn; 1 where the faster peer is too near, or ours took too much memory."""
    told: dict[str, list[Figures]] = {"ours": [], **{who: [] for who in peers}}
    for _ in range(ROUNDS):
        for who, figures in told.items():
            figures.append(_measured(home, who, cores))
    if peers:
        _same(home)
    for who, figures in told.items():
        text = ", ".join(
            f"{name} {_spread(figures, name)}" for name in ("wall", "cpu", "peak", "base")
        )
        print(
            f"table_scoring: {ROWS:,} rows on {cores} cores, {who}: {text} (s, s, MB, MB before)",
            flush=True,
        )
    more = max(one["peak"] - one["base"] for one in told["ours"])
    text = f"{cores} cores, memory of ours beside its libraries"
    print(f"table_scoring: {text}: {more:.0f} MB (wanted: at most {MORE})", flush=True)
    slower = _slower(told, cores, peers)
    return int(more > MORE or slower)


def _slower(told: dict[str, list[Figures]], cores: int, peers: tuple[str, ...]) -> bool:
    """Whether a peer is too near."""
    worst = float("inf")
    for who in peers:
        for name in ("wall", "cpu"):
            pairs = zip(told[who], told["ours"], strict=True)
            ratio = statistics.median(peer[name] / ours[name] for peer, ours in pairs)
            worst = min(worst, ratio)
            text = f"{cores} cores, {name} of pandas ({who}) by ours"
            print(f"table_scoring: {text}: {ratio:.2f} (wanted: at least {WANTED})", flush=True)
    return worst < WANTED


def _measured(home: Path, who: str, cores: int) -> Figures:
    table, out = home / "big" / "table.parquet", home / f"{who}.parquet"
    taken = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    if who == "ours":
        command = [sys.executable, "-m", "bench.table_scoring", "ours", home, cores]
        env = dict(os.environ)
    else:
        model = home / ("native" if who == "native" else "job/bundle")
        script = ROOT / "bench" / "table_peer.py"
        command = [sys.executable, script, who, table, model, out, cores]
        env = {**os.environ, "PYTHONPATH": PEER}
    ran = subprocess.run(
        ["taskset", "-c", taken, *map(str, command)],
        cwd=ROOT, env=env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def ours(home: Path, threads: int) -> None:
    """The job as the gang's rank runs it, in this process."""
    import shutil

    import torch

    from recipes.engine.peers import Peers
    from recipes.engine.tabular import scoring  # noqa: F401 - imported before the clock starts
    from recipes.job import Compute, Job, read, write
    from recipes.kinds import KINDS

    folder = home / "score"
    shutil.rmtree(folder, ignore_errors=True)
    spec = {"bundle": str(home / "job" / "bundle"), "dataset": {"folder": str(home / "big")}}
    write(folder, Job(job=2, kind="score", spec=spec, compute=Compute(threads=threads)))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    KINDS["score"].run(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    told = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "base": base,
    }
    print(json.dumps(told))


def _same(home: Path) -> None:
    """The peer with our model says what we say, row by row."""
    import numpy as np

    pairs = zip(
        _probabilities(home / "score" / "output" / "table.parquet"),
        _probabilities(home / "encoded.parquet"),
        strict=True,
    )
    apart = max(float(np.abs(one - other).max()) for one, other in pairs)
    assert apart < 1e-6, f"our probabilities and the peer's are {apart:g} apart"


def _probabilities(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=BLOCK, columns=["proba_yes"]):
        yield batch.column(0).to_numpy()


def _peer(*command: Any) -> bool:
    env = {**os.environ, "PYTHONPATH": PEER}
    run = [sys.executable, *map(str, command)]
    ran = subprocess.run(run, env=env, check=False, cwd=ROOT, stderr=subprocess.DEVNULL)
    return ran.returncode == 0


def _spread(figures: list[Figures], name: str) -> str:
    values = sorted(one[name] for one in figures)
    return f"{statistics.median(values):.1f} [{values[0]:.1f} to {values[-1]:.1f}]"


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        ours(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())
