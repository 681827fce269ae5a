"""Where the ranks of a gang meet: a file in the folder or, over several nodes, a socket.

The first part's leader opens the socket before any rank lives, on a port that the kernel picks, and
hands it on to rank 0: no port is guessed, and none can be taken by somebody else in between.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from recipes.job import BadJob, Compute


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


def arrange(folder: Path, compute: Compute) -> Meeting:
    """Raises BadJob when this node cannot listen where it is told to."""
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
