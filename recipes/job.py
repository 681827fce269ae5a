"""A job is a folder: `job.json` in, `events.jsonl` and a bundle or a file out. See docs/jobs.md."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

VERSION = 1
Stop = Literal["", "finish_early", "cancel", "yield"]
STOPS: tuple[Stop, ...] = ("finish_early", "cancel", "yield")
YIELDED = 75  # the exit code of a rank, and of its gang, that ended on `yield` (EX_TEMPFAIL)
STOPPED = 143  # and of one that ended on SIGTERM, as a shell says it: 128 + 15


class BadJob(Exception):
    """The job folder cannot be run as it is; the message is for the person who started it."""


class GaveWay(Exception):
    """All ranks have ended on `yield`, and what they need to go on is kept."""


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What the job runs on, already decided: the ranks never choose."""

    device: Literal["cpu", "cuda"] = "cpu"
    ranks: int = 1
    threads: int = 1
    cores: tuple[
        int, ...
    ] = ()  # the leased cores, rank r takes threads from r*threads on; empty: not bound
    uuids: tuple[str, ...] = ()  # one per rank when device is cuda
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    simulated: bool = False
    share: bool = False  # others may use the same GPUs
    memory: int = 0  # bytes of each GPU that a shared job may use; 0: all
    # A part of a job on several nodes. `ranks` are this part's own.
    world: int = 0  # the ranks of all parts; 0: `ranks` are all there are
    first_rank: int = 0  # this part has the ranks from here on
    nodes: int = 1
    rendezvous: str = ""  # tcp://HOST:PORT, port 0 for the part that is to listen; "": a file
    interface: str = ""  # the network interface on which the parts speak; "": the loopback
    open: bool = False  # ranks that listen on all addresses may do so where others reach them

    @property
    def all_ranks(self) -> int:
        return self.world or self.ranks


@dataclass(frozen=True, kw_only=True)
class Job:
    """`job.json`. `spec` is the kind's own part; every path in it is absolute."""

    job: int
    kind: str
    spec: dict[str, Any]
    attempt: int = 1
    fence: int = 1
    seed: int = 1337
    compute: Compute = field(default_factory=Compute)
    cache: str = ""  # folder for pixel and feature caches, shared by all jobs of a node
    weights: str = ""  # folder for pretrained weights, shared by all jobs of a node
    seconds: float | None = None  # that it may run; then it gives way
    access: str = ""  # a file of the node alone: the way to a database; the job removes it
    home: str = ""  # several nodes: the first part's folder, which holds what all ranks share
    version: int = VERSION


def read(folder: Path) -> Job:
    """The job in `folder`. Raises BadJob when `job.json` is missing, torn or of another version."""
    path = folder / "job.json"
    try:
        raw = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadJob(f"{folder} is no job folder: it has no job.json.") from None
    except ValueError as torn:
        raise BadJob(f"{path} is not valid JSON: {torn}.") from None
    if raw.get("version") != VERSION:
        raise BadJob(
            f"{path} has version {raw.get('version')}; this Trackside reads version {VERSION}."
        )
    compute = raw.pop("compute", {})
    listed: dict[str, Any] = {name: tuple(compute.pop(name, ())) for name in ("cores", "uuids")}
    try:
        return Job(compute=Compute(**compute, **listed), **raw)
    except TypeError as wrong:
        raise BadJob(f"{path} has a field that does not belong there: {wrong}.") from None


def write(folder: Path, job: Job) -> None:
    """Make the folder and put `job.json` into it, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / "job.json", json.dumps(asdict(job), indent=1, allow_nan=False))


def write_whole(path: Path, text: str) -> None:
    """Replace a file so that a reader, or a crash, sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def wanted_stop(folder: Path) -> Stop:
    """What the agent asks of the gang: it writes the word into the file `stop`."""
    try:
        word = (folder / "stop").read_text().strip()
    except FileNotFoundError:
        return ""
    return next((one for one in STOPS if one == word), "")
