"""The doorbells. They say "look", and the agent looks: there is no logic here and no state."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from trackside.jobs.doorbell import POKE, START
from workers.app import app


@dataclass
class Ears:
    """Who hears the doorbells in this process. Without an agent nobody: its poll will find them."""

    start: Callable[[int], None] = lambda _attempt: None
    poke: Callable[[], None] = lambda: None
    rang: float | None = None  # when the last doorbell was heard, on the monotonic clock


ears = Ears()


@app.task(name=START)  # type: ignore[untyped-decorator]
def start(attempt: int) -> None:
    """An attempt is assigned to this node."""
    ears.rang = monotonic()
    ears.start(attempt)


@app.task(name=POKE)  # type: ignore[untyped-decorator]
def poke() -> None:
    """One of this node's attempts is to stop."""
    ears.rang = monotonic()
    ears.poke()
