"""The processes that learn one XGBoost model together, by its own collective.

Not Dask: its workers unpickle what reaches their sockets, and this job's ranks are there already,
one a leased GPU, started, watched and ended together. XGBoost gives no say in where it listens:
while they meet and learn, its ranks do so on all addresses that they have, without a password. On
one node they have the loopback of their own network alone (recipes/own_network.py); on several the
nodes' owner has to allow it.
"""

import contextlib
from collections.abc import Iterator

from xgboost import collective
from xgboost.tracker import RabitTracker

from recipes import own_network
from recipes.job import BadJob, GaveWay
from recipes.learners.learner import Company

PARTING = 600  # seconds in which all ranks have left, after the first one has


@contextlib.contextmanager
def met(company: Company) -> Iterator[None]:
    """What XGBoost does within is done by all ranks. A company of one needs nobody.

    Rank 0's tracker introduces them to each other, on a port that the kernel picks. Raises BadJob
    where others could reach them and nobody has allowed it.
    """
    if company.world == 1:
        yield
        return
    if not company.open and not own_network.closed():
        raise BadJob(
            "XGBoost's ranks listen on all addresses, and others reach this machine's. Start them "
            "by `python -m recipes FOLDER`, which gives them a network of their own; where this "
            'network is trusted, "open": true in compute of job.json allows it.'
        )
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
