"""What will happen after the click, in words: where it starts, what it waits for, what it passes.

`plan.start` is what placement itself answers for this wish; nothing here decides anything.
"""

from typing import TYPE_CHECKING, Any

from trackside.lab.wishes import HOUR
from trackside.ui.words import listed, plural

if TYPE_CHECKING:
    from trackside.lab.plan import Plan

Json = dict[str, Any]
LEAVE = "It waits in the queue and starts by itself; you can leave this page."
TOGETHER = (
    "All start together or none does. Between nodes the gradients go over the network, which is "
    "slower than inside one."
)


def tell(plan: "Plan") -> list[Json]:
    """Notes of the run plan: `{"icon","level","head","text"}`."""
    if plan.stop:
        return _spread(plan)
    notes = _begins(plan) if plan.start.get("seconds") == 0 else _waits(plan)
    return [*notes, *_spread(plan), *_links(plan), *_budget(plan)]


def _note(text: str, *, head: str = "", icon: str = "info-circle", level: str = "") -> Json:
    return {"icon": icon, "level": level, "head": head, "text": text}


def _begins(plan: "Plan") -> list[Json]:
    notes = []
    parts = plan.start.get("parts") or []
    if plan.wish.mode == "auto" and len(parts) == 1:
        where = _part(parts[0])
        notes.append(_note(f"on {where}.", head="Starts now", icon="wand", level="ac"))
    passed = plan.start.get("passes")
    if passed:
        ends = "its longest run ends in time" if plan.wish.max_seconds else "it may be preempted"
        text = f"Only because {ends}; otherwise: {passed}"
        notes.append(_note(text, head="Starts by back-fill.", icon="hourglass", level="ac"))
    return notes


def _waits(plan: "Plan") -> list[Json]:
    start = plan.start
    held = "".join(_held(one) for one in plan.chosen)
    reason = start.get("reason") or start.get("text", "")
    if held and start.get("reason", "").startswith("Waits: GPU"):
        reason = held
    notes = [_note(f"{_ahead(start)}{reason.strip()} {LEAVE}", icon="clock", level="bz")]
    if start.get("reserved"):
        text = "Its GPUs are reserved: what is queued later may use them only if it ends in time."
        notes.append(_note(text, head="First in line.", icon="lock"))
    return [*notes, *_gap(start.get("gap") or {})]


def _ahead(start: Json) -> str:
    number = start.get("ahead") or 0
    if not number:
        return ""
    return f"Behind {plural(number, 'job')} that {'waits' if number == 1 else 'wait'}. "


def _gap(gap: Json) -> list[Json]:
    """What under More would let it start now, a click away."""
    ways = []
    if gap.get("seconds"):
        hours = f"{gap['seconds'] / HOUR:g}"
        ways.append(("hours", hours, f"Longest run {hours} h"))
    if gap.get("preemptible"):
        ways.append(("preemptible", "on", "May be preempted"))
    if not ways:
        return []
    either = "either of these" if len(ways) > 1 else "this"
    text = f"It would start now, in a gap, with {either}:"
    return [{**_note(text, icon="hourglass", level="ac"), "ways": ways}]


def _held(one: Json) -> str:
    gpu, holder = one["gpu"], one["gpu"].get("holder")
    if not holder:
        return ""
    queued = f", {gpu['queue']} queued before you" if gpu.get("queue") else ""
    who = holder.get("user") or "another job"
    where = f"{one['node']['name']} GPU {gpu['index']}"
    return f"{where} is held by {who} ({holder['title']}){queued}. "


def _spread(plan: "Plan") -> list[Json]:
    """The nodes of a run on several, with their ranks."""
    parts = plan.start.get("parts") or _chosen_parts(plan)
    if len(parts) < 2:
        return []
    found = plan.wish.mode == "auto"
    where = ", ".join(_ranks(one, with_gpus=found) for one in parts)
    head = f"{'Starts now across' if found else 'Across'} {len(parts)} nodes:"
    level = "ac" if found else ""
    return [_note(f"{where}. {TOGETHER}", head=head, icon="network", level=level)]


def _ranks(part: Json, *, with_gpus: bool) -> str:
    ranks = f"{part['node']} with {plural(part['ranks'], 'rank')}"
    return f"{ranks} (GPU {listed(part['gpus'])})" if with_gpus else ranks


def _chosen_parts(plan: "Plan") -> list[Json]:
    parts: dict[str, Json] = {}
    for one in plan.chosen:
        name = one["node"]["name"]
        part = parts.setdefault(name, {"node": name, "ranks": 0, "uuids": [], "gpus": []})
        part["ranks"] += 1
        part["uuids"].append(one["gpu"]["uuid"])
        part["gpus"].append(one["gpu"]["index"])
    return list(parts.values())


def _links(plan: "Plan") -> list[Json]:
    """How the GPUs within each node are joined, where the node has told."""
    said = []
    nodes = {one["name"]: one for one in plan.board["nodes"]}
    for part in plan.start.get("parts") or _chosen_parts(plan):
        links = nodes.get(part["node"], {}).get("links") or {}
        uuids = part["uuids"]
        pairs = [(a, b) for n, a in enumerate(uuids) for b in uuids[n + 1 :]]
        ways = [links.get(a, {}).get(b) or links.get(b, {}).get(a) for a, b in pairs]
        if pairs and all(ways):
            said.append(_linked(part, [str(one) for one in ways]))
    return [_note(" ".join(said), icon="link")] if said else []


def _linked(part: Json, ways: list[str]) -> str:
    fast = [one for one in ways if one.startswith("NV")]
    gpus = f"GPU {listed(sorted(part['gpus']))} of {part['node']}"
    if len(fast) == len(ways):
        return f"{gpus} are joined by NVLink: exchanging gradients costs little."
    some = "not all " if fast else "not "
    return f"{gpus} are {some}joined by NVLink: gradients go over {_slowest(ways)}, slower."


def _slowest(said: list[str]) -> str:
    across = "the link between the processors"
    return across if {"SYS", "NODE"} & set(said) else "PCI Express"


def _budget(plan: "Plan") -> list[Json]:
    """A budget below the estimate is allowed, and dangerous."""
    memory, needs = plan.compute.get("memory"), plan.need.bytes
    if plan.compute.get("share") != "shared" or not memory or not needs or memory >= needs:
        return []
    said = f"The estimate is {needs / 2**30:.1f} GiB, the budget {memory / 2**30:.1f} GiB: the run "
    if plan.need.paged and plan.need.paged <= memory:
        said += "would learn in pages, most of them in the machine's memory, which takes longer."
        return [_note(said)]
    said += "would stop with “out of memory”."
    return [_note(said, icon="alert-triangle", level="wn")]


def _part(one: Json) -> str:
    if not one["gpus"]:
        return f"{one['node']}, {plural(one['ranks'], 'rank')}"
    return f"{one['node']} with GPU {listed(one['gpus'])}"
