"""Whether a rank was really on the device that its job leased, by NVML: a second witness.

The first is the library itself, which is asked where it computed (WrongDevice in
recipes/learners). NVML lists the processes that have a CUDA context on a device. That a rank is
listed elsewhere and not on its own device disproves; that it is listed there proves less: torch
may have a context there from a rank's first moment, so that of a table, which another library
learns, presence alone says little. More say the memory that came on top of what the rank had in the
beginning, of what is still held in the end, and the share of time that the GPU was busy with it,
of which the driver keeps the last samples alone: both are told where they are known.

NVML's process numbers are the machine's own. Where ours are others, and wherever NVML does not
tell all, nothing is concluded: what is unknown fails no job.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from recipes.engine import nvml
from recipes.engine.nvml import Device, Look
from recipes.events import Journal
from recipes.job import Compute
from recipes.learners.learner import WrongDevice

MACHINE = 0xEFFFFFFC  # the inode of the machine's own pid namespace (PROC_PID_INIT_INO of Linux)
APART = "the job ran in a container of its own (process numbers differ)"
GIB = 2**30
BUSY = {
    None: " How busy the GPU was with it NVML does not say.",
    0: " NVML's samples, which are of the last moments, have it idle.",
}
AGAIN = "Look at the node's driver and at what sets CUDA_VISIBLE_DEVICES, or choose the CPU."


@dataclass(frozen=True, kw_only=True)
class Sat:
    """Of one rank. `seen`: on its device; False: not there; None: NVML could not tell.

    `text` is where with what; where it was not seen the sentence; where nothing is known why.
    """

    seen: bool | None
    text: str
    memory: int | None = None
    utilisation: int | None = None
    warning: str = ""


class Witness:
    """Begins when a rank does, so that it knows what came on top."""

    def __init__(self, uuid: str) -> None:
        self._uuid, self._pid = uuid, os.getpid()
        self._since = time.time_ns() // 1000
        self._before = None if _apart() else self._look(alone=True)

    def sat(self) -> Sat:
        """As it is now: while the rank still has what it computed with."""
        if self._before is None:
            return _unknown(APART)
        before, look = self._before.mine, self._look()
        gone = _gone(look.mine)
        return judged(
            replace(look, others=[one for one in look.others if not _gone(one)]),
            self._pid,
            doubt=f"the driver lists a process {gone} that is not there" * bool(gone),
            before=before.processes.get(self._pid) if before else None,
            holds=_holds(),
        )

    def _look(self, *, alone: bool = False) -> Look:
        return nvml.look(self._uuid, self._pid, since=self._since, alone=alone)


def witness(device: torch.device, compute: Compute) -> Witness | None:
    """Of a rank on this device; None where it is no GPU."""
    if device.type != "cuda":
        return None
    place = device.index or 0
    if place < len(compute.uuids):
        return Witness(compute.uuids[place])
    return Witness(f"GPU-{torch.cuda.get_device_properties(device).uuid}")


def judged(
    look: Look, pid: int, *, doubt: str = "", before: int | None = None, holds: bool = True
) -> Sat:
    """What follows for process `pid`. `doubt`: why NVML's numbers are not to be relied upon;
    `before`: bytes that it had in the beginning; `holds`: whether it has a context, as CUDA says.
    """
    mine = look.mine
    if mine is None or doubt:
        return _unknown(look.silent or doubt)
    also = ", ".join(one.name for one in look.others if pid in one.processes)
    if pid in mine.processes:
        memory = mine.processes[pid]
        return Sat(
            seen=True,
            text=_seen(mine.name, memory, before, look.busy),
            memory=memory,
            utilisation=look.busy,
            warning=f"NVML saw this job's process {pid} on {also} too, which its rank did not "
            f"lease: the lease is {mine.name}." * bool(also),
        )
    begun = f"This job leased {mine.name}, and NVML saw its process {pid} on"
    if also:
        return Sat(seen=False, text=f"{begun} {also} instead. {AGAIN}")
    if holds:  # so the list is not whole: as under WSL, or behind a server that shares the GPU
        return _unknown("CUDA has this job's process on a GPU and the driver lists it on none")
    return Sat(seen=False, text=f"{begun} no GPU of the node. {AGAIN}")


def agreed(ranks: Sequence[Sat | None], journal: Journal) -> dict[str, Any]:
    """The fact `nvml`, of all ranks; nothing where there was no GPU. Raises WrongDevice."""
    told = [one for one in ranks if one is not None]
    if not told:
        return {}
    found = _facts(told)
    if found["seen"] is False:
        raise WrongDevice(found["why"])
    journal.write("note", level="info", text=found["why"])
    for one in told:
        if one.warning:
            journal.write("note", level="warning", text=one.warning)
    return {"nvml": found}


def _facts(ranks: list[Sat]) -> dict[str, Any]:
    """Of the rank that was elsewhere, else of the first that is unknown, else of the fullest."""
    order = (False, None, True)
    one = min(ranks, key=lambda each: (order.index(each.seen), -(each.memory or 0)))
    why, many = one.text, len(ranks) > 1
    if one.seen is None:
        of = f" of rank {ranks.index(one)}" * many
        why = f"NVML could not tell{of}: {one.text}."
    elif one.seen:
        who = "this job's process"
        if many:
            who = f"each of this job's {len(ranks)} processes on its GPU, the fullest one"
        why = f"NVML saw {who} {one.text}"
    return {"seen": one.seen, "why": why, "memory": one.memory, "utilisation": one.utilisation}


def _seen(name: str, memory: int | None, before: int | None, busy: int | None) -> str:
    said = [f"on {name}"]
    if memory is not None:
        said.append(f"with {memory / GIB:.1f} GiB")
        if before is not None and memory > before:
            said.append(f"{(memory - before) / GIB:.1f} GiB more than in the beginning")
    if busy:
        said.append(f"busy with it for up to {busy} % of the time")
    return f"{', '.join(said)}.{BUSY.get(busy, '')}"


def _unknown(why: str) -> Sat:
    return Sat(seen=None, text=why)


def _apart() -> bool:
    """Whether this process has other numbers than the machine knows it by, or may have."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino != MACHINE
    except OSError:
        return True


def _gone(device: Device | None) -> int:
    """A process that is listed and not there, 0 where all are: such a list is of other numbers
    than ours, or misread."""
    listed = device.processes if device else {}
    return next((pid for pid in listed if not _lives(pid)), 0)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _holds() -> bool:
    """Whether CUDA says that this process has a context; where that is unknown it may have."""
    asked = getattr(torch._C, "_cuda_hasPrimaryContext", None)
    try:
        return asked is None or any(asked(place) for place in range(torch.cuda.device_count()))
    except RuntimeError:
        return True
