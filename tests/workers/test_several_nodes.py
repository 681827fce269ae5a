"""Two machines with networks of their own train one model: real agents, torch, Postgres, Valkey."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xgboost

from recipes import own_network
from tests import machines, wires
from tests.product import until
from tests.recipes import tabling
from tests.recipes.making import dataset, events, job, recipes

pytestmark = pytest.mark.process
NET = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32}
LONG = {"epochs": 1000, "batch_size": 1, "early_stopping": False}


@pytest.fixture(scope="module")
def fleet() -> Iterator[machines.Fleet]:
    if why := wires.possible():
        pytest.skip(why)
    with machines.running(("east", "west"), TRACKSIDE_LEASE_SECONDS="8") as one:
        yield one


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    return dataset(tmp_path / "data", {"red": 9, "blue": 8})


def spec_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "job.json").read_text())["spec"])


def losses(folder: Path) -> list[Any]:
    return [(one["train_loss"], one["val_loss"]) for one in events(folder, "epoch")]


def everywhere(fleet: machines.Fleet) -> dict[str, Any]:
    """One GPU of each machine."""
    return {
        "kind": "gpus",
        "uuids": [uuid for node in fleet.ask("nodes") for uuid in node["uuids"]],
    }


def begin(fleet: machines.Fleet, data: dict[str, str], place: Path) -> int:
    """A training that does not end by itself, at its first step."""
    folder = job(place, data, params=NET, training=LONG)
    number = int(fleet.ask("submit", spec=spec_of(folder), compute=everywhere(fleet)))
    fleet.until(number, "running")
    return number


def free(fleet: machines.Fleet, number: int) -> None:
    until(lambda: not fleet.ask("job", job=number)["leases"], "the devices")


def test_each_machine_tells_how_the_others_reach_it(fleet: machines.Fleet) -> None:
    assert [(one["address"], one["interface"]) for one in fleet.ask("nodes")] == [
        ("10.77.0.11", "e0"),
        ("10.77.0.12", "e0"),
    ]


def test_two_machines_train_one_model_with_the_losses_of_one(
    fleet: machines.Fleet, data: dict[str, str], tmp_path: Path
) -> None:
    alone = job(tmp_path, data, params=NET, compute={"ranks": 2})
    assert recipes(alone).returncode == 0
    before = [one.sent() for one in fleet.machines]
    number = fleet.ask("submit", spec=spec_of(alone), compute=everywhere(fleet))
    done = fleet.until(number, "succeeded", "failed")
    (attempt,) = done["attempts"]
    assert done["state"] == "succeeded", done["reason"]
    assert (attempt["node"], attempt["launch"]) == ("east", "warm")
    assert attempt["address"].startswith("10.77.0.11:")
    assert attempt["followers"] == [{"node": "west", "state": "over", "exit": "0"}]
    assert losses(fleet.storage / attempt["folder"]) == losses(alone)
    # Each rank sends its gradients, a megabyte and more a step, over its machine's cable.
    assert all(one.sent() - old > 5e6 for one, old in zip(fleet.machines, before, strict=True))
    free(fleet, number)


def trees(bundle: Path) -> list[str]:
    """What each asks and where it leads, without the figures that rounding may move."""
    booster = xgboost.Booster(model_file=bundle / "model.ubj")
    return [re.sub(r"leaf=\S+|<[^]]+", "", one) for one in booster.get_dump()]


@pytest.fixture
def allowed(fleet: machines.Fleet) -> Iterator[None]:
    fleet.ask("allow", ranks=True)
    yield
    fleet.ask("allow", ranks=False)


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, str]:
    return tabling.dataset(tmp_path / "rows", tabling.real("adult").slice(0, 6000))


def test_xgboost_on_two_machines_is_refused_where_nobody_has_allowed_it(
    fleet: machines.Fleet,
) -> None:
    spec = {"task": "two_class", "algorithm": "xgboost"}
    said = fleet.ask("refused", spec=spec, compute=everywhere(fleet))
    assert "over several machines its ranks listen on all addresses" in said
    assert "TRACKSIDE_XGBOOST_RANKS=1" in said


def test_two_machines_learn_the_trees_that_two_ranks_of_one_learn(
    fleet: machines.Fleet, allowed: None, rows: dict[str, str], tmp_path: Path
) -> None:
    spec = {"params": {"rounds": 30}}
    compute = {"ranks": 2, "threads": 1, "open": bool(own_network.refusal())}
    alone = tabling.job(tmp_path, rows, "income", spec=spec, compute=compute)
    assert recipes(alone).returncode == 0
    before = [one.sent() for one in fleet.machines]
    number = fleet.ask("submit", spec=spec_of(alone), compute=everywhere(fleet))
    done = fleet.until(number, "succeeded", "failed")
    assert done["state"] == "succeeded", done["reason"]
    (attempt,) = done["attempts"]
    assert attempt["followers"] == [{"node": "west", "state": "over", "exit": "0"}]
    together = fleet.storage / attempt["folder"]
    assert events(together, "finished")[0]["facts"]["ranks"] == 2
    one, two = (events(at, "finished")[0]["metrics"] for at in (alone, together))
    assert two == pytest.approx(one, abs=1e-6)
    assert trees(fleet.storage / f"models/job-{number}") == trees(alone / "bundle")
    # Each rank sends its sums of each level of each tree over its machine's cable.
    assert all(one.sent() - old > 5e6 for one, old in zip(fleet.machines, before, strict=True))
    free(fleet, number)


def test_finish_early_reaches_both_machines(
    fleet: machines.Fleet, data: dict[str, str], tmp_path: Path
) -> None:
    number = begin(fleet, data, tmp_path)
    fleet.ask("stop", job=number, how="finish_early")
    done = fleet.until(number, "succeeded", "failed")
    assert done["state"] == "succeeded", done["reason"]
    free(fleet, number)


def test_a_machine_that_is_cut_off_is_told_and_gives_its_devices_back_when_it_is_there_again(
    fleet: machines.Fleet, data: dict[str, str], tmp_path: Path
) -> None:
    number = begin(fleet, data, tmp_path)
    west = fleet.machines[1]
    west.midway("UPDATE jobs_follower SET pid = pid")  # its row locks must not outlive it
    west.cut()
    lost = fleet.until(number, "queued", "starting")["attempts"][0]
    assert (lost["state"], lost["cause"]) == ("lost", "node_lost")
    assert lost["reason"] == "west has not been heard from."
    west.forget()
    fleet.ask("stop", job=number, how="cancel")
    fleet.until(number, "cancelled")
    assert west.left()  # nobody could tell it, and nobody takes its GPU
    assert fleet.ask("job", job=number)["leases"]
    west.mend()
    free(fleet, number)
    assert west.agent is not None
    agent = west.agent.pid  # and its zygote and its catalogue, but no leader and no rank
    assert not [one for one in west.left() if agent not in (one.pid, one.parent)]
