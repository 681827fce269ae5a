"""One light cluster for all faults, and after each fault the auditor's word."""

from collections.abc import Iterator

import pytest

from tests.faults import cluster as clusters
from tests.faults.auditor import Auditor
from tests.faults.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/faults" in str(item.path):
            item.add_marker(pytest.mark.process)


@pytest.fixture(scope="package")
def light() -> Iterator[Cluster]:
    """Two nodes with two simulated GPUs each; ranks that hash instead of train."""
    with clusters.running({"east": "2xH100-80GB", "west": "2xH100-80GB"}) as one:
        yield one


@pytest.fixture
def cluster(light: Cluster) -> Iterator[Cluster]:
    """Every part is up before the test, and again when it ends."""
    light.until(light.ready, "every node to be online")
    yield light
    for order in (light.home / "orders").iterdir():
        order.unlink()


@pytest.fixture
def auditor(cluster: Cluster) -> Iterator[Auditor]:
    """Watches while the test does its worst; then nothing may be left and nothing lost."""
    with Auditor(cluster) as one:
        yield one
        for order in (cluster.home / "orders").iterdir():
            order.unlink()
        one.settled()
        assert not one.secrets()
