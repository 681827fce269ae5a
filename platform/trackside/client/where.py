"""Where a job of the command line runs, and beside whom: options in, `compute` of the API out."""

import argparse
import math

from trackside.client.client import Json

GIB, HOUR = 2**30, 3600
CPU = "on the CPU, by so many processes"
OF_GPUS = ("share", "memory", "nodes", "min_free", "gpu_model")
OF_ANY = ("nodes", "min_free", "gpu_model")


def options(one: argparse.ArgumentParser) -> None:
    where = one.add_mutually_exclusive_group()
    where.add_argument("--cpu", type=int, nargs="?", const=0, metavar="RANKS", help=CPU)
    where.add_argument("--gpus", default="", metavar="UUID,UUID", help="on these, of any nodes")
    where.add_argument("--any", type=int, nargs="?", const=1, metavar="COUNT", help="any so many")
    gpus = one.add_argument_group("GPUs")
    gpus.add_argument(
        "--share",
        action="store_true",
        help="let other jobs use the GPUs too: without MIG nothing keeps them apart",
    )
    gpus.add_argument(
        "--memory", type=_above_0, metavar="GIB", help="with --share: on each GPU at most so much"
    )
    gpus.add_argument("--nodes", type=int, metavar="N", help="with --any: on at most N nodes")
    gpus.add_argument(
        "--min-free", type=_above_0, metavar="GIB", help="with --any: free memory of each"
    )
    gpus.add_argument("--gpu-model", metavar="NAME", help="with --any: part of the GPU's name")
    order = one.add_argument_group("order")
    order.add_argument(
        "--priority", type=int, help="-100 to 0, of administrators to 100; higher goes first"
    )
    order.add_argument(
        "--preemptible",
        action="store_true",
        help="may be ended with a checkpoint for a more urgent job, and goes on later",
    )
    order.add_argument(
        "--max-hours",
        type=_above_0,
        metavar="HOURS",
        help="longest run; only a job that is known to end may start in a gap (back-fill)",
    )
    one.set_defaults(wrong=one.error)


def _above_0(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return number


def compute(args: argparse.Namespace) -> Json | None:
    """What the options say; nothing said leaves it to the design. Ends the program when wrong."""
    kind = _kind(args)
    rest = {**_sharing(args), **_limits(args)}
    if kind is None and rest:
        args.wrong("Say where to run with --cpu, --gpus or --any.")
    _fits(args, kind)
    return None if kind is None else {**kind, **rest}


def _kind(args: argparse.Namespace) -> Json | None:
    if args.gpus:
        return {"kind": "gpus", "uuids": args.gpus.split(",")}
    if args.any:
        asked: Json = {"kind": "any", "count": args.any}
        asked |= {"nodes": args.nodes} if args.nodes is not None else {}
        asked |= {"min_free": round(args.min_free * GIB)} if args.min_free else {}
        return asked | ({"name": args.gpu_model} if args.gpu_model else {})
    if args.cpu is None:
        return None
    return {"kind": "cpu", **({"ranks": args.cpu} if args.cpu else {})}


def _fits(args: argparse.Namespace, kind: Json | None) -> None:
    """Each option belongs to some choice: one that would do nothing is an error."""
    if (kind or {}).get("kind") != "any":
        _refuse(args, OF_ANY, "--any")
    if (kind or {}).get("kind") not in ("any", "gpus"):
        _refuse(args, OF_GPUS, "--gpus or --any")
    if args.memory and not args.share:
        args.wrong("--memory belongs to --share.")


def _refuse(args: argparse.Namespace, names: tuple[str, ...], to: str) -> None:
    for name in names:
        if getattr(args, name) not in (None, False):
            args.wrong(f"--{name.replace('_', '-')} belongs to {to}.")


def _sharing(args: argparse.Namespace) -> Json:
    if not args.share:
        return {}
    memory = {"memory": round(args.memory * GIB)} if args.memory else {}
    return {"share": "shared", **memory}


def _limits(args: argparse.Namespace) -> Json:
    said: Json = {}
    if args.priority is not None:
        said["priority"] = args.priority
    if args.preemptible:
        said["preemptible"] = True
    if args.max_hours:
        said["max_seconds"] = max(1, round(args.max_hours * HOUR))
    return said
