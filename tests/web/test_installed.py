"""Which libraries a node has, and which extras it lacks: on the GPUs page and by REST."""

import re
from typing import Any

import pytest
from django.test import Client

from recipes import extras
from tests.web import cast
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.api.schemas import check
from trackside.api.shapes_fleet import NODES
from trackside.compute.models import Node

VERSIONS = {"python": "3.11.9", "torch": "2.13.0", "cuda": "13.0"}
PLAIN = {"lightgbm": "4.7.0", "scikit-learn": "1.9.1"}


def node(name: str, libraries: dict[str, str] | None, builds: list[str] | None = None) -> Node:
    made = cast.node(name, gpus=1)
    if libraries is not None:
        told = {"versions": VERSIONS, "libraries": libraries, "gpu_builds": builds or []}
        told["why_no_own_network"] = "" if builds else "Operation not permitted"
        Node.objects.filter(pk=made.pk).update(catalogue=told)
    return made


def by_rest(user: User) -> dict[str, Any]:
    answer = Rest(user).call("GET", "/nodes").json()
    check(answer, NODES)
    return {one["name"]: one for one in answer["nodes"]}


def folded(user: User, name: str) -> str:
    """What stands under Libraries of that node, as HTML; "" where there is no such fold."""
    client = Client()
    client.force_login(user)
    page = client.get("/gpus/").content.decode()
    part = page.partition(f'data-node="{name}"')[2].partition("</section>")[0]
    found = re.search(r'<details class="more libs">.*?</details>', part, re.S)
    return found.group() if found else ""


def test_rest_says_what_each_node_has_and_lacks(dan: User) -> None:
    node("bare", PLAIN)
    node("rich", {**PLAIN, "onnx": "1.31.1"}, ["lightgbm"])
    node("mute", None)
    told = by_rest(dan)
    plain = {"python": "3.11.9", "torch": "2.13.0", **PLAIN}
    assert told["bare"]["libraries"] == plain
    assert told["rich"]["libraries"] == {**plain, "onnx": "1.31.1"}
    assert (told["bare"]["gpu_builds"], told["rich"]["gpu_builds"]) == ([], ["lightgbm"])
    assert [one["name"] for one in told["bare"]["lacking"]] == list(extras.EXTRAS)
    without = [one for one in told["bare"]["lacking"] if one["name"] != "onnx"]
    assert told["rich"]["lacking"] == without
    onnx = {"name": "onnx", "label": "ONNX Runtime", "install": "make extras NAMES=onnx"}
    assert onnx in told["bare"]["lacking"]
    networks = {name: one["why_no_own_network"] for name, one in told.items()}
    assert networks == {"bare": "Operation not permitted", "rich": "", "mute": None}
    mute = told["mute"]
    assert (mute["libraries"], mute["gpu_builds"], mute["lacking"]) == (None, [], [])


def test_the_page_says_it_folded_beside_each_node(dan: User) -> None:
    node("rich", {**PLAIN, "onnx": "1.31.1"}, ["lightgbm"])
    node("mute", None)
    html = folded(dan, "rich")
    assert f"1 of {len(extras.EXTRAS)} extras" in html
    assert 'lightgbm <span class="t3 num">4.7.0</span> <span class="tag">for GPUs</span>' in html
    assert 'Runtime <span class="t3 num">1.31.1</span> <span class="tag">for the CPU</span>' in html
    assert 'torch <span class="t3 num">2.13.0</span></li>' in html
    assert "nvForest <code>make extras NAMES=nvforest</code>" in html
    assert "NAMES=onnx" not in html
    assert folded(dan, "mute") == ""


def test_the_page_says_where_xgboosts_ranks_get_no_network(dan: User, settings: Any) -> None:
    node("bare", PLAIN)
    node("rich", PLAIN, ["lightgbm"])
    html = folded(dan, "bare")
    assert (
        '<p class="t2 s">XGBoost learns here on one GPU or in one process: bare gives several '
        "ranks no network of their own (Operation not permitted). docs/deploying.md, Ports, says "
        "what helps.</p>"
    ) in html
    assert "XGBoost" not in folded(dan, "rich")
    settings.TRACKSIDE_XGBOOST_RANKS = True
    assert "ranks listen on all addresses here, as is allowed: bare" in folded(dan, "bare")
    Node.objects.filter(name="bare").update(catalogue={"versions": VERSIONS, "libraries": PLAIN})
    assert "(its agent is that of an earlier Trackside)" in folded(dan, "bare")


def test_where_nothing_is_lacking_no_command_is_said(dan: User) -> None:
    node("full", {**PLAIN, **dict.fromkeys(extras.EXTRAS, "1.0")})
    html = folded(dan, "full")
    assert "make extras" not in html
    assert "What it lacks" not in html


@pytest.mark.parametrize("name", extras.EXTRAS)
def test_the_command_is_the_one_that_sentences_name(name: str) -> None:
    assert f"`{extras.command(name)}`" in extras.nowhere(name)


@pytest.mark.django_db
def test_a_stranger_sees_no_node(client: Client) -> None:
    node("rich", PLAIN)
    assert client.get("/gpus/").status_code == 302
    assert client.get("/api/v1/nodes").status_code == 401
