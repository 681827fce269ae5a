"""This machine in the fleet: registration, heartbeat, catalogue."""

import hashlib
import os
import platform
import re
import threading
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from recipes.job import write_whole
from trackside.compute import clock, services, storage
from trackside.compute.models import Node
from trackside.compute.services import GpuSample, NodeFacts, NodeSample
from trackside.compute.storage import BadStorage
from trackside.jobs.services import after_reboot
from workers import network
from workers.cards import BadFleet
from workers.faults import Faults
from workers.gpus import Gpus, died
from workers.launch import Asking
from workers.vitals import Vitals

BEAT = timedelta(seconds=2)
LOOK = 15.0  # a machine without a usable GPU looks again: a driver may be loaded, a fault mended


def name() -> str:
    """TRACKSIDE_NODE, or the host's name, in letters that a queue's name may have."""
    given = os.environ.get("TRACKSIDE_NODE", "").strip() or platform.node() or "node"
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", given)
    return plain if len(plain) <= 60 else hashlib.sha256(plain.encode()).hexdigest()[:16]


def take_cores() -> None:
    """TRACKSIDE_CORES=0-3,6: several agents share a machine. What this one starts stays there.

    Raises BadFleet.
    """
    given = os.environ.get("TRACKSIDE_CORES", "").strip()
    if not given:
        return
    allowed = os.sched_getaffinity(0)
    try:
        parts = [part.partition("-") for part in given.split(",")]
        wanted = {n for low, _, high in parts for n in range(int(low), int(high or low) + 1)}
    except ValueError:
        raise BadFleet(f"TRACKSIDE_CORES is {given!r}; write for example 0-3 or 0,2,6-7.") from None
    if not wanted or wanted - allowed:
        raise BadFleet(
            f"TRACKSIDE_CORES is {given!r}, but this process may use "
            f"{', '.join(map(str, sorted(allowed)))} only."
        )
    os.sched_setaffinity(0, wanted)


class Here:
    """The node's row, kept by this agent alone. An older agent of the same name has to end."""

    def __init__(self) -> None:
        self.name = name()
        take_cores()
        faults = Faults(os.environ.get("TRACKSIDE_FAKE_FAULTS", "").strip(), self.name)
        self.gpus = Gpus(fake=settings.TRACKSIDE_FAKE_GPUS, host=self.name, faults=faults)
        self.row = Node(name=self.name)
        self.samples: dict[str, GpuSample] = {}
        self.asking = Asking()
        self.vitals = Vitals()
        self.catalogue: dict[str, Any] = {}
        self._looking = threading.Lock()  # NVML is asked by one thread at a time
        self._looked = time.monotonic()

    def register(self) -> None:
        """Tell what this machine is. Raises BadStorage, BadNetwork, BadFleet."""
        prove_storage(Path(settings.TRACKSIDE_STORAGE))
        storage.prove(Path(settings.TRACKSIDE_STORAGE))
        self.gpus.find()
        rebooted = self._tell()
        if rebooted:
            after_reboot(self.row)

    def _tell(self) -> bool:
        reach = network.reach()
        facts = NodeFacts(
            name=self.name,
            address=reach.address,
            interface=reach.interface,
            boot_id=_boot_id(),
            cores=len(os.sched_getaffinity(0)),
            memory_total=psutil.virtual_memory().total,
            driver=self.gpus.driver,
            cuda=self.gpus.cuda,
            simulated=self.gpus.simulated,
            why_no_gpu=self.gpus.why,
            topology=self.gpus.topology,
        )
        self.row, rebooted = services.register_node(facts, self.gpus.facts, now=clock.now())
        return rebooted

    def beat(self, busy: set[str], warm: bool) -> None:
        """One sample of everything. Raises StaleNode."""
        with self._looking:
            if self._doubtful() and time.monotonic() - self._looked > LOOK:
                self._look_again()
            found = self.gpus.sample(busy)
            self.samples = {one.uuid: one for one in found}
            services.heartbeat(
                self.row.pk,
                self.row.epoch,
                NodeSample(
                    cpu_load=psutil.cpu_percent(None),
                    memory_free=psutil.virtual_memory().available,
                    warm=warm,
                    vitals=self.vitals.now(),
                ),
                found,
                now=clock.now(),
            )

    def _doubtful(self) -> bool:
        """No GPU, or the driver fails on all of them: it may be gone, or back."""
        failed = [one.health == "failed" and not one.broken for one in self.samples.values()]
        return bool(self.gpus.why) or (bool(failed) and all(failed))

    def fault(self, uuids: Collection[str], *, fresh: bool = False) -> str:
        """Why no job can go on on these devices; empty while one can."""
        dead = self.gpus.dead(uuids) if fresh else died(self.samples.values())
        facts = {gpu.uuid: gpu for gpu in self.gpus.facts}
        for uuid in uuids:
            if uuid in dead and uuid in facts:
                return f"GPU {facts[uuid].index} of {self.name} has failed: {dead[uuid]}"
        return ""

    def learn(self) -> None:
        """The catalogue: what is quickly known first, then the full one if that was not all."""
        for options in (("--quick",), ()):
            catalogue = self.asking.catalogue(*options)
            if catalogue is None:
                return
            services.set_catalogue(self.row.pk, catalogue)
            with self._looking:
                self.catalogue = catalogue
                self._look_again()
            if all(one.get("activation") for one in catalogue.get("backbones", ())):
                return

    def _look_again(self) -> None:
        """NVML sees the cards without torch; the catalogue says whether torch can use them."""
        before = (self.gpus.why, self.gpus.facts)
        self.gpus.find(self.catalogue.get("versions"), self.catalogue.get("torch_archs") or ())
        self._looked = time.monotonic()
        if (self.gpus.why, self.gpus.facts) != before:
            self._tell()


def _boot_id() -> str:
    """Tells one run of the machine from the next; a container's end is the end of its processes."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"[:64]


def prove_storage(place: Path) -> None:
    """Write into TRACKSIDE_STORAGE before any job has to. Raises BadStorage."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = place / f".{os.getpid()}"
        write_whole(probe, "")
        probe.unlink()
    except OSError as problem:
        raise BadStorage(
            f"TRACKSIDE_STORAGE {place} cannot be used: {problem.strerror or problem}. "
            "It must be one filesystem that this machine and all others can write to."
        ) from None
