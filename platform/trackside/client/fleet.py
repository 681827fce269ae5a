"""`trackside nodes`, `algorithms`, `queue` and `usage`."""

import argparse
from collections.abc import Callable
from typing import Any

from trackside.client.client import Client, Json
from trackside.client.printing import gib, say, table

Open = Callable[[], Client]


def add(commands: Any, make: Callable[..., argparse.ArgumentParser], client: Open) -> None:
    """The commands; `client` opens the connection when one of them runs."""
    one = make(commands, "nodes", lambda args: nodes(args, client), "the nodes; drain one")
    one.add_argument("--drain", metavar="NODE", help="start no new job there")
    one.add_argument("--note", default="", help="with --drain: why")
    one.add_argument("--ask-jobs", action="store_true", help="with --drain: its jobs go elsewhere")
    one.add_argument("--undrain", metavar="NODE", help="take jobs again")
    one.add_argument("--mend", metavar="GPU", help="put the GPU with this UUID back in service")
    make(commands, "algorithms", lambda args: algorithms(client), "what can be trained here")
    one = make(commands, "queue", lambda args: queue(args, client), "who waits and why; reorder")
    one.add_argument("--job", type=int, help="the job to move")
    where = one.add_mutually_exclusive_group()
    where.add_argument(
        "--priority", type=int, metavar="N", help="-100 to 0, of administrators to 100"
    )
    where.add_argument("--before", type=int, metavar="JOB")
    where.add_argument("--after", type=int, metavar="JOB")
    one = make(commands, "usage", lambda args: usage(args, client), "GPU-hours and energy")
    one.add_argument("--by", default="project", choices=["day", "user", "project"])
    one.add_argument("--days", type=int, default=30)


def nodes(args: argparse.Namespace, open_: Open) -> None:
    with open_() as client:
        if args.drain:
            client.drain(args.drain, args.note, args.ask_jobs)
        if args.undrain:
            client.undrain(args.undrain)
        if args.mend:
            client.mend(args.mend)
        rows = [_node(one) for one in client.nodes()]
    table(("node", "state", "gpus free", "cores free", "memory free", "about"), rows)


def algorithms(open_: Open) -> None:
    with open_() as client:
        found = client.algorithms()
    rows = [
        (
            one["name"],
            one["data"],
            "CPU or GPU" if one["on_gpu"] else "CPU",
            ", ".join(one["tasks"]),
            one["lacking"],
        )
        for one in found
    ]
    table(("algorithm", "data", "on", "tasks", "lacks"), rows)


def _node(one: Json) -> list[object]:
    free = sum(gpu["state"] == "free" for gpu in one["gpus"])
    why = (one["why_no_gpu"] or {}).get("text", "")
    return [
        one["name"],
        one["state"],
        f"{free} of {len(one['gpus'])}",
        f"{one['cores_free']} of {one['cores']}",
        gib(one["memory_free"]),
        one["drain_note"] or why,
    ]


def queue(args: argparse.Namespace, open_: Open) -> None:
    with open_() as client:
        if args.job and args.priority is not None:
            client.set_priority(args.job, args.priority)
        elif args.job and (args.before or args.after):
            client.place(args.job, before=args.before, after=args.after)
        found = client.queue()
    rows = [
        [one["position"], one["id"], one["priority"], one["user"], one["title"], one["reason"]]
        for one in found["queue"]
    ]
    table(("turn", "job", "priority", "user", "title", "reason"), rows)
    if found["waiting"] > len(rows):
        say(f"{found['waiting']} jobs wait; the first {len(rows)} are shown.")


def usage(args: argparse.Namespace, open_: Open) -> None:
    with open_() as client:
        found = client.usage(args.by, args.days)
    say(f"{found['since']} to {found['until']}, UTC")
    lines = [*found["lines"], found["total"]]
    rows = [
        [
            one["label"] + (" (simulated)" if one["simulated"] else ""),
            f"{one['gpu_hours']:.2f}",
            f"{one['used_hours']:.2f}",
            f"{one['core_hours']:.1f}",
            f"{one['energy_kwh']:.3f}",
            one["jobs"],
        ]
        for one in lines
    ]
    table((args.by, "GPU-hours", "used", "core-hours", "kWh", "jobs"), rows)
