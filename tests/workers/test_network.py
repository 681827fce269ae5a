"""How a node says where other nodes reach it."""

import pytest

from workers import network
from workers.network import BadNetwork, Reach, reach

OURS = {"lo": ["127.0.0.1", "::1"], "e0": ["10.0.0.2"], "ib0": ["fd00::2"]}


REAL = network.addresses


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "addresses", lambda: OURS)
    for name in ("TRACKSIDE_ADDRESS", "TRACKSIDE_INTERFACE"):
        monkeypatch.delenv(name, raising=False)


def test_one_machine_alone_meets_on_the_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_peer", lambda: "")
    assert reach() == Reach("127.0.0.1", "lo")


def test_else_it_is_the_way_to_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_peer", lambda: "127.0.0.1")
    assert reach() == Reach("127.0.0.1", "lo")


@pytest.mark.parametrize(
    ("address", "interface", "expected"),
    [
        ("10.0.0.2", "", Reach("10.0.0.2", "e0")),
        ("", "ib0", Reach("fd00::2", "ib0")),
        ("10.0.0.2", "ib0", Reach("10.0.0.2", "ib0")),  # who says both has a reason
    ],
)
def test_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch, address: str, interface: str, expected: Reach
) -> None:
    monkeypatch.setenv("TRACKSIDE_ADDRESS", address)
    monkeypatch.setenv("TRACKSIDE_INTERFACE", interface)
    assert reach() == expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRACKSIDE_ADDRESS", "192.0.2.7", "It has 10.0.0.2, fd00::2, 127.0.0.1, ::1."),
        ("TRACKSIDE_INTERFACE", "eth9", "this machine has e0, ib0, lo."),
        ("TRACKSIDE_ADDRESS", "no such host", "which cannot be resolved"),
    ],
)
def test_what_this_machine_does_not_have_is_refused_with_what_it_has(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadNetwork) as refused:
        reach()
    assert words in str(refused.value)


def test_the_real_interfaces_are_found() -> None:
    assert REAL()["lo"][0] == "127.0.0.1"
