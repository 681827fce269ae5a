"""Where the ranks of a gang meet: a file in the folder or, over several nodes, a socket.

The first part's leader opens the socket before any rank lives, on a port that the kernel picks, and
hands it on to rank 0: no port is guessed, and none can be taken by somebody else in between.
Ranks of one node whose algorithm makes them listen everywhere meet in a network of their own.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from recipes import own_network
from recipes.algorithms import ALGORITHMS
from recipes.job import BadJob, Job

TRUSTED = (
    "where the network is trusted set TRACKSIDE_XGBOOST_RANKS=1 for the web and the scheduler "
    '(by hand: "open": true in compute of job.json)'
)


@dataclass
class Meeting:
    """One gang's place; `close` is for every process that is not rank 0, the leader too."""

    place: str  # file://PATH or tcp://HOST:PORT
    listener: socket.socket | None = None

    @property
    def address(self) -> str:
        """HOST:PORT for the other parts, empty where there are none to tell."""
        return self.place.removeprefix("tcp://") if self.listener else ""

    def of(self, rank: int) -> str:
        """What this rank is told. Rank 0 gets the socket itself, the others close it."""
        if self.listener is None:
            return self.place
        if rank == 0:
            return f"{self.place}?listening={self.listener.detach()}"
        self.close()
        return self.place

    def close(self) -> None:
        if self.listener is not None:
            self.listener.close()


def arrange(folder: Path, job: Job) -> Meeting:
    """Before any rank lives. Raises BadJob when they would listen where nobody has allowed it, or
    when this node cannot listen where it is told to."""
    compute = job.compute
    if listens(job):
        _apart(job)
    if not compute.rendezvous:
        return Meeting(f"file://{folder}/.rendezvous.{os.getpid()}")
    place = urlsplit(compute.rendezvous)
    if place.port:
        return Meeting(compute.rendezvous)
    host = place.hostname or ""
    try:
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, 0), family=family, backlog=1024)
    except OSError as problem:
        raise BadJob(
            f"This node cannot listen on its address {host}: {problem.strerror or problem}. "
            "TRACKSIDE_ADDRESS must name an address of this machine that the other nodes reach."
        ) from None
    shown = f"[{host}]" if ":" in host else host
    return Meeting(f"tcp://{shown}:{listener.getsockname()[1]}", listener)


def listens(job: Job) -> bool:
    """Whether its ranks do so on all addresses that they have."""
    card = ALGORITHMS.get(str(job.spec.get("algorithm")))
    return job.kind == "train" and card is not None and card.listens and job.compute.all_ranks > 1


def _apart(job: Job) -> None:
    """Into a network of their own, where that is possible; those of several nodes need others."""
    compute, who = job.compute, ALGORITHMS[str(job.spec.get("algorithm"))].label
    if compute.all_ranks > compute.ranks:
        if not compute.open:
            raise BadJob(
                f"{who}'s ranks on several machines listen on all addresses of theirs, without a "
                f"password. Choose GPUs of one machine, or {TRUSTED}."
            )
        return
    why = own_network.refusal()
    if why and compute.open:
        return
    try:
        if not why:
            own_network.enter()
    except OSError as problem:
        why = problem.strerror or str(problem)
    if why:
        raise BadJob(
            f"{who}'s ranks would listen on all addresses of this machine: it gives them no "
            f"network of their own ({why}). Choose one GPU or one rank, or {TRUSTED}."
        )
