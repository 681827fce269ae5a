"""The running product: a training that is paused, killed and moved ends as the undisturbed one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from recipes import pulse
from tests.product import Product, running, until

pytestmark = pytest.mark.process
SMALL = {"backbone": "shufflenet_v2_x0_5", "pretrained": False, "retrained": "all"}
EPOCHS = 4


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(
        tmp_path_factory.mktemp("product") / "home",
        TRACKSIDE_FAKE_GPUS="4xH100-80GB",
        TRACKSIDE_RETRY_SECONDS="1",
    ) as one:
        yield one


@pytest.fixture(scope="module")
def api(product: Product) -> Iterator[httpx.Client]:
    """With a design that trains all layers of a small net from nothing, on the demo's pictures."""
    with product.api() as one:
        pictures = "/projects/DEMO/datasets/surface_defects"
        until(lambda: one.get(pictures).json()["state"] == "ready", "the pictures", seconds=900)
        new = {"name": "a", "dataset": "surface_defects"}
        assert one.post("/projects/DEMO/analyses", json=new).status_code == 201
        design = one.get("/projects/DEMO/analyses/a").json()
        model = design["models"][0]
        model["params"] |= {**SMALL, "image_size": 64, "dropout": 0.3}
        training = {**design["training"], "epochs": EPOCHS, "early_stopping": False}
        changed = one.patch(
            "/projects/DEMO/analyses/a", json={"models": [model], "training": training}
        )
        assert changed.status_code == 200, changed.text
        yield one


def gpus(api: httpx.Client) -> list[str]:
    return [gpu["uuid"] for node in api.get("/gpus").json()["nodes"] for gpu in node["gpus"]]


def begin(api: httpx.Client, uuids: list[str]) -> int:
    compute = {"kind": "gpus", "uuids": uuids}
    begun = api.post("/projects/DEMO/analyses/a/train", json={"compute": compute})
    assert begun.status_code == 201, begun.text
    return int(begun.json()["jobs"][0])


def job(api: httpx.Client, number: int) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/jobs/{number}").json()
    return found


def ended(api: httpx.Client, number: int) -> dict[str, Any]:
    over = ("succeeded", "failed", "cancelled")
    until(lambda: job(api, number)["state"] in over, f"job {number} to end", seconds=900)
    return job(api, number)


def folder(product: Product, number: int, attempt: dict[str, Any]) -> Path:
    return product.home / "storage" / "jobs" / str(number) / f"a{attempt['fence']}"


def steps(product: Product, api: httpx.Client, number: int, attempt: int, beyond: int) -> Path:
    """Wait until that attempt of the job has begun that step; its folder.

    Only its file is asked often: what the web computes for an answer, the training has not.
    """

    def claimed() -> dict[str, Any] | None:
        found = job(api, number)["attempts"][attempt - 1 :]
        return found[0] if found and found[0]["fence"] else None

    place = folder(product, number, until(claimed, f"attempt {attempt}", seconds=600))
    begun = f"step {beyond} of job {number}"
    until(lambda: (pulse.last_step(place) or 0) >= beyond, begun, seconds=600, every=0.05)
    return place


def figures(api: httpx.Client, number: int) -> dict[int, Any]:
    """Each epoch's losses and metrics, to the last digit, as the story tells them."""
    found = {}
    with api.stream("GET", f"/jobs/{number}/events", timeout=120) as answer:
        type_ = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            type_ = value if name == "event" else type_
            if type_ == "end":
                break
            if name == "data" and '"train_loss"' in value:
                told = httpx.Response(200, text=value).json()
                one = told.get("data", told)
                if "epoch" in one and "train_loss" in one:
                    found[one["epoch"]] = [one["train_loss"], one["val_loss"], one["metrics"]]
    return found


def test_paused_killed_and_moved_it_ends_as_if_nothing_had_happened(
    product: Product, api: httpx.Client
) -> None:
    quiet = begin(api, gpus(api)[:2])
    undisturbed = ended(api, quiet)
    assert undisturbed["state"] == "succeeded", undisturbed["reason"]
    expected = figures(api, quiet)
    assert sorted(expected) == list(range(1, EPOCHS + 1))

    number = begin(api, gpus(api)[:2])
    steps(product, api, number, 1, beyond=3)
    assert api.post(f"/jobs/{number}/pause").status_code == 200
    until(lambda: job(api, number)["state"] == "queued", "the pause")
    paused = job(api, number)
    assert paused["attempts"][-1]["cause"] == "pause"
    assert paused["paused"]

    assert api.post(f"/jobs/{number}/resume").status_code == 200
    reached = paused["attempts"][-1]["step"]
    place = steps(product, api, number, 2, beyond=reached + 2)
    os.kill(pulse.read(place)[1].pid, signal.SIGKILL)
    until(lambda: len(job(api, number)["attempts"]) == 3, "another attempt")
    assert job(api, number)["attempts"][1]["cause"] == "rank_killed"

    steps(product, api, number, 3, beyond=reached + 4)
    other = {"kind": "gpus", "uuids": gpus(api)[2:4]}
    moved = api.post(f"/jobs/{number}/move", json={"compute": other})
    assert moved.status_code == 200, moved.text
    last = ended(api, number)
    assert last["state"] == "succeeded", last["reason"]
    assert [one["uuid"] for one in last["gpus"]] == gpus(api)[2:4]
    assert figures(api, number) == expected
    timed = ("loss", "rate")  # of the step that happened to be told last
    for name in set(last["metrics"]) - set(timed):
        assert last["metrics"][name] == undisturbed["metrics"][name], name
