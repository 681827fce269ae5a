"""What a node tells of real cards, by a driver that says what it is made to say."""

import os
import threading
from collections.abc import Iterator

import pynvml as real
import pytest

from recipes import processes
from tests.workers import gangs
from tests.workers.nvml import GB, Card, Nvml, Process
from trackside.compute.services import GpuSample
from workers import condition, gpus, inventory, occupants, topology
from workers.driver import Driver, NoAnswer
from workers.gpus import Gpus

STRANGER = 2**22 + 1  # beyond pid_max: a process of the host that we cannot see


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Nvml, Gpus]]:
    nvml = Nvml(Card("GPU-a"), Card("GPU-b", bus="00000000:5E:00.0"))
    for module in (condition, gpus, inventory, occupants, topology):
        monkeypatch.setattr(module, "pynvml", nvml)
    monkeypatch.setattr(gpus, "_on_pci", lambda: 2)
    yield nvml, Gpus(asking=Driver(within=0.2))
    for card in nvml.cards:
        if card.hangs is not None:
            card.hangs.set()


def look(gpus: Gpus, busy: tuple[str, ...] = ()) -> dict[str, GpuSample]:
    gpus.find()
    assert gpus.why is None
    return {one.uuid: one for one in gpus.sample(busy)}


def test_cards_are_found_with_driver_and_cuda(node: tuple[Nvml, Gpus]) -> None:
    _, gpus = node
    found = look(gpus)
    assert (gpus.driver, gpus.cuda) == ("580.65.06", "13.0")
    one = gpus.facts[0]
    assert (one.uuid, one.memory_total, one.capability, one.power_limit) == (
        "GPU-a",
        80 * GB,
        "9.0",
        700.0,
    )
    assert (found["GPU-a"].health, found["GPU-a"].power) == ("ok", 300.0)


def test_mig_slices_are_devices_of_their_own_under_their_card(node: tuple[Nvml, Gpus]) -> None:
    nvml, gpus = node
    nvml.cards[1].mig = True
    cut = [Card(f"MIG-{n}", "NVIDIA H100 MIG 3g.40gb", 40 * GB, utilization=None) for n in (1, 2)]
    nvml.cards[1].slices = cut
    found = look(gpus)
    assert [(one.uuid, one.index, one.parent, one.slots) for one in gpus.facts] == [
        ("GPU-a", 0, "", 4),
        ("MIG-1", 1, "GPU-b", 1),
        ("MIG-2", 1, "GPU-b", 1),
    ]
    assert (found["MIG-1"].utilization, found["MIG-1"].power) == (0.0, None)
    nvml.cards[1].rows = (0, 1, 0, 1)
    assert "replacing" in look(gpus)["MIG-2"].broken


def test_cards_behind_a_switch_and_cards_side_by_side_have_their_links_counted(
    node: tuple[Nvml, Gpus],
) -> None:
    nvml, gpus = node
    far = Card("GPU-c", bus="00000000:86:00.0")
    nvml.cards.append(far)
    a, b, _ = nvml.cards
    nvml.ways = {frozenset({"GPU-a", "GPU-c"}): real.NVML_TOPOLOGY_NODE}
    a.links = [(b.bus, False)] * 4
    b.links = [(a.bus, False)] * 4
    look(gpus)
    assert gpus.topology["links"] == {
        "GPU-a": {"GPU-b": "NV4", "GPU-c": "NODE"},
        "GPU-b": {"GPU-a": "NV4", "GPU-c": "SYS"},
        "GPU-c": {"GPU-a": "NODE", "GPU-b": "SYS"},
    }
    for card in nvml.cards:
        card.links = [("00000000:01:00.0", True)] * 18
    nvml.cards.pop()
    look(gpus)
    assert gpus.topology["links"]["GPU-a"] == {"GPU-b": "NV18"}


def test_numa_nodes_come_from_the_kernel(
    node: tuple[Nvml, Gpus], tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    place = Path(tmp_path)
    for name, number in (("0000:3b:00.0", 0), ("0000:5e:00.0", 1)):
        (place / name).mkdir()
        (place / name / "numa_node").write_text(f"{number}\n")
    monkeypatch.setattr(topology, "PCI", place)
    _, gpus = node
    look(gpus)
    assert gpus.topology["numa"] == {"GPU-a": 0, "GPU-b": 1}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rows": (0, 2, 1, 0)}, "mapped out only by a reset"),
        ({"rows": (0, 2, 0, 1)}, "needs replacing"),
        ({"rows": None, "pending": 1}, "retired only by a reset"),
    ],
)
def test_a_worn_card_gets_no_further_job_but_keeps_the_one_it_has(
    values: dict[str, object], words: str, node: tuple[Nvml, Gpus]
) -> None:
    nvml, gpus = node
    for name, value in values.items():
        setattr(nvml.cards[0], name, value)
    one = look(gpus)["GPU-a"]
    assert words in one.broken
    assert one.health == "ok"


def test_memory_errors_and_slowing_are_told_but_break_nothing(node: tuple[Nvml, Gpus]) -> None:
    nvml, gpus = node
    nvml.cards[0].ecc, nvml.cards[0].rows, nvml.cards[0].slowed = 3, (1, 2, 0, 0), 0x40
    one = look(gpus)["GPU-a"]
    assert one.errors == {"ecc": 3, "retired": 2, "slowed": "heat"}
    assert (one.health, one.broken) == ("ok", "")


@pytest.mark.parametrize(
    ("number", "health", "words"),
    [
        (79, "failed", "Xid 79: it has fallen off the bus"),
        (64, "ok", "Xid 64: a failure to map damaged memory out"),
        (31, "ok", ""),  # a program's own fault
    ],
)
def test_an_xid_is_heard_once_and_remembered(
    number: int, health: str, words: str, node: tuple[Nvml, Gpus]
) -> None:
    nvml, gpus = node
    look(gpus)
    nvml.xid(nvml.cards[0], number)
    for _ in range(2):
        found = {one.uuid: one for one in gpus.sample(())}
        one = found["GPU-a"]
        assert (one.health, one.errors["xid"]) == (health, number)
        assert words in one.broken
        assert bool(one.broken) == bool(words)
        assert found["GPU-b"].broken == ""
    assert nvml.listening == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (real.NVML_ERROR_GPU_IS_LOST, "fallen off the bus"),
        (real.NVML_ERROR_RESET_REQUIRED, "needs a reset"),
    ],
)
def test_a_lost_card_has_failed_and_the_others_have_not(
    code: int, words: str, node: tuple[Nvml, Gpus]
) -> None:
    nvml, gpus = node
    look(gpus)
    nvml.cards[0].code = code
    found = {one.uuid: one for one in gpus.sample(())}
    assert (found["GPU-a"].health, found["GPU-b"].health) == ("failed", "ok")
    assert words in found["GPU-a"].broken
    assert "GPU 0 is not free" in gpus.taken(["GPU-a"])


def test_a_uuid_that_the_driver_does_not_find_any_more_has_failed(node: tuple[Nvml, Gpus]) -> None:
    nvml, gpus = node
    look(gpus)
    nvml.cards.pop(0)
    one = next(one for one in gpus.sample(()) if one.uuid == "GPU-a")
    assert (one.health, one.broken) == ("failed", "The driver does not find it any more.")


def test_a_driver_that_answers_with_nonsense_breaks_no_card_for_good(
    node: tuple[Nvml, Gpus],
) -> None:
    nvml, gpus = node
    look(gpus)
    nvml.cards[0].code = real.NVML_ERROR_UNKNOWN
    one = next(one for one in gpus.sample(()) if one.uuid == "GPU-a")
    assert (one.health, one.broken) == ("failed", "")


def test_a_foreign_process_is_named_with_its_user_and_memory(node: tuple[Nvml, Gpus]) -> None:
    nvml, gpus = node
    nvml.cards[0].processes = [Process(os.getppid(), 9 * GB)]
    one = look(gpus)["GPU-a"]
    (process,) = one.processes
    assert one.health == "foreign"
    assert (process["pid"], process["memory"]) == (os.getppid(), 9 * GB)
    assert process["name"]
    assert process["user"]
    assert f"process {os.getppid()}" in gpus.taken(["GPU-a"])


def test_a_pid_that_cannot_be_seen_is_ours_only_where_a_job_of_ours_runs(
    node: tuple[Nvml, Gpus],
) -> None:
    nvml, gpus = node
    nvml.cards[0].processes = [Process(STRANGER)]
    assert look(gpus)["GPU-a"].health == "foreign"
    assert look(gpus, busy=("GPU-a",))["GPU-a"].health == "ok"


def test_a_process_of_an_ended_job_makes_the_card_dirty(
    node: tuple[Nvml, Gpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml, gpus = node
    nvml.cards[0].processes = [Process(os.getpid())]
    monkeypatch.setattr(processes, "worn", lambda pid: "job 1")
    assert look(gpus)["GPU-a"].health == "dirty"
    assert look(gpus, busy=("GPU-a",))["GPU-a"].health == "ok"


def test_a_call_that_hangs_in_the_driver_costs_one_card_its_numbers(
    node: tuple[Nvml, Gpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml, gpus_ = node
    look(gpus_)
    nvml.cards[0].hangs = threading.Event()
    assert [one.uuid for one in gpus_.sample(())] == ["GPU-b"]
    assert gpus_.taken(["GPU-a"]).endswith("the driver does not answer about it.")
    monkeypatch.setattr(gpus, "SILENT_FOR", 0.0)
    one = next(one for one in gpus_.sample(()) if one.uuid == "GPU-a")
    assert (one.health, bool(one.broken)) == ("failed", True)
    nvml.cards[0].hangs.set()

    def sound() -> bool:
        return {one.uuid: one.health for one in gpus_.sample(())}["GPU-a"] == "ok"

    gangs.until(sound, "the card's numbers to come back")


def test_a_driver_that_hangs_as_a_whole_is_the_reason_why_there_is_no_gpu(
    node: tuple[Nvml, Gpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml, gpus = node
    never = threading.Event()
    monkeypatch.setattr(nvml, "nvmlInit", lambda: never.wait(60))
    gpus.find()
    never.set()
    assert gpus.why is not None
    assert gpus.why["code"] == "driver_silent"


def test_who_waits_behind_a_hanging_call_is_not_blamed_for_it() -> None:
    driver, never, begun = Driver(within=0.3), threading.Event(), threading.Event()
    caught: list[str] = []

    def stuck() -> None:
        begun.set()
        never.wait(60)

    def first() -> None:
        try:
            driver.ask("a", stuck)
        except NoAnswer as silence:
            caught.append(str(silence))

    thread = threading.Thread(target=first)
    thread.start()
    begun.wait(10)
    with pytest.raises(NoAnswer):
        driver.ask("a third", lambda: None)  # behind the stuck call
    thread.join(10)
    assert caught == ["The driver did not answer about a within 0.3 seconds."]
    assert driver.ask("a third", lambda: 3) == 3
    with pytest.raises(NoAnswer, match="has not answered about a yet"):
        driver.ask("a", lambda: None)
    never.set()

    def answers() -> bool:
        try:
            return driver.ask("a", lambda: 5) == 5
        except NoAnswer:
            return False

    gangs.until(answers, "the driver to be asked again")


def test_what_a_question_raises_comes_back_to_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        Driver().ask("sums", lambda: 1 / 0)
