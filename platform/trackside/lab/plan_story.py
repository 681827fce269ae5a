"""What will happen after the click, in words: where it starts, what it waits for, what it passes.

`plan.start` is what placement itself answers for this wish; nothing here decides anything.
"""

from typing import TYPE_CHECKING, Any

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
    if plan.wish.mode == "auto" and parts:
        where = " and ".join(_part(one) for one in parts)
        notes.append(_note(f"on {where}.", head="Starts now", icon="wand", level="ac"))
    passed = plan.start.get("passes") or []
    if passed:
        notes.append(_note(_why_passing(plan, passed), head="Starts by back-fill.", level="ac"))
    victims = plan.start.get("preempts") or []
    if victims:
        text = f"{_jobs(victims)} may be preempted and will be asked to give way first."
        notes.append(_note(text, head="Takes GPUs over.", icon="alert-triangle", level="wn"))
    return notes


def _why_passing(plan: "Plan", passed: list[int]) -> str:
    why = (
        "its longest run ends before the GPUs that are kept for them come free"
        if plan.wish.max_seconds
        else "it may be preempted when their GPUs come free"
    )
    verb = "waits" if len(passed) == 1 else "wait"
    return f"{_jobs(passed)} {verb} before it; it passes because {why}."


def _waits(plan: "Plan") -> list[Json]:
    held = "".join(_held(one) for one in plan.chosen)
    reason = held or f"{plan.start.get('reason') or plan.start.get('text', '')} "
    notes = [_note(reason + LEAVE, icon="clock", level="bz")]
    if plan.start.get("reserved"):
        text = "Its GPUs are reserved: what is queued later may use them only if it ends in time."
        notes.append(_note(text, head="First in line.", icon="lock"))
    if not plan.wish.max_seconds and not plan.wish.preemptible:
        text = "A longest run, under More, lets it start earlier in a gap, if there is one."
        notes.append(_note(text, icon="hourglass"))
    return notes


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
    where = ", ".join(f"{one['node']} with {_many(one['ranks'], 'rank')}" for one in parts)
    head = f"Across {len(parts)} nodes:"
    return [_note(f"{where}. {TOGETHER}", head=head, icon="network")]


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
    notes = []
    nodes = {one["name"]: one for one in plan.board["nodes"]}
    for part in plan.start.get("parts") or _chosen_parts(plan):
        links = nodes.get(part["node"], {}).get("links") or {}
        uuids = part["uuids"]
        pairs = [(a, b) for n, a in enumerate(uuids) for b in uuids[n + 1 :]]
        said = [links.get(a, {}).get(b) or links.get(b, {}).get(a) for a, b in pairs]
        if not pairs or not all(said):
            continue
        notes.append(_linked(part, [str(one) for one in said]))
    return notes


def _linked(part: Json, said: list[str]) -> Json:
    fast = [one for one in said if one.startswith("NV")]
    gpus = f"GPU {_list([str(one) for one in sorted(part['gpus'])])} of {part['node']}"
    if len(fast) == len(said):
        text = f"{gpus} are joined by NVLink: exchanging gradients costs little."
        return _note(text, icon="link")
    some = "not all " if fast else "not "
    text = f"{gpus} are {some}joined by NVLink: gradients go over {_slowest(said)}, slower."
    return _note(text, icon="link")


def _slowest(said: list[str]) -> str:
    across = "the link between the processors"
    return across if {"SYS", "NODE"} & set(said) else "PCI Express"


def _budget(plan: "Plan") -> list[Json]:
    """A budget below the estimate is allowed, and dangerous."""
    memory, needs = plan.compute.get("memory"), plan.need.bytes
    if plan.compute.get("share") != "shared" or not memory or not needs or memory >= needs:
        return []
    text = (
        f"The estimate is {needs / 2**30:.1f} GiB, the budget {memory / 2**30:.1f} GiB: the run "
        "would stop with “out of memory”."
    )
    return [_note(text, icon="alert-triangle", level="wn")]


def _part(one: Json) -> str:
    if not one["gpus"]:
        return f"{one['node']}, {_many(one['ranks'], 'rank')}"
    return f"{one['node']} with GPU {_list([str(index) for index in one['gpus']])}"


def _jobs(numbers: list[int]) -> str:
    return f"Job{'' if len(numbers) == 1 else 's'} {_list([str(one) for one in numbers])}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
