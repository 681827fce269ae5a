"""The processes that learn one XGBoost model together, by its own collective.

Not Dask: its workers unpickle what reaches their sockets, and this job's ranks are there already,
one a leased GPU, started, watched and ended together. XGBoost gives no say in where it listens:
while they meet and learn, its ranks do so on all addresses of the machine.
"""

import contextlib
from collections.abc import Iterator

from xgboost import collective
from xgboost.tracker import RabitTracker

from recipes.job import GaveWay
from recipes.learners.learner import Company

PARTING = 600  # seconds in which all ranks have left, after the first one has


@contextlib.contextmanager
def met(company: Company) -> Iterator[None]:
    """What XGBoost does within is done by all ranks. A company of one needs nobody.

    Rank 0's tracker introduces them to each other, on a port that the kernel picks.
    """
    if company.world == 1:
        yield
        return
    tracker = None
    if company.rank == 0:
        tracker = RabitTracker(company.world, company.host, sortby="task")
        tracker.start()
    where = company.share(tracker.worker_args() if tracker else None)
    gave_way: GaveWay | None = None
    with collective.CommunicatorContext(**where, dmlc_task_id=f"{company.rank:06d}"):
        try:
            yield
        except GaveWay as word:  # all ranks do, and the others have to leave before the tracker
            gave_way = word
    if tracker is not None:
        tracker.wait_for(PARTING)
    if gave_way is not None:
        raise gave_way
