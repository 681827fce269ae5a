"""`trackside`: the same API from a shell."""

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from trackside.client import databases, evaluating, fleet, login, repeating, tables
from trackside.client.client import Client, Json, TracksideError
from trackside.client.printing import gpu_rows, metrics, progress, say, table
from trackside.client.training import remarks, sampled
from trackside.client.where import compute, options


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 done, 1 refused or failed, 2 called wrongly, 130 interrupted."""
    args = parser().parse_args(argv)
    try:
        args.run(args)
    except (TracksideError, login.NotSignedIn) as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except (httpx.HTTPError, OSError) as broken:
        sys.stderr.write(f"That did not work: {broken}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def sign_in(args: argparse.Namespace) -> None:
    piped = args.token_stdin or not sys.stdin.isatty()
    token = sys.stdin.readline() if piped else getpass.getpass("Token: ")
    with Client(args.url, token.strip() or "-") as client:
        user = client.call("GET", "/")["user"]
    kept = login.save(login.Login(args.url, token.strip()))
    say(f"Signed in as {user}. The token is kept in {kept}.")


def gpus(args: argparse.Namespace) -> None:
    with Client() as client:
        board = client.gpus()
    rows = gpu_rows(board)
    if rows:
        table(("node", "gpu", "name", "memory", "load", "state", "held by", "uuid"), rows)
    for node in board["nodes"]:
        if node["why_no_gpu"]:
            say(f"{node['name']} has no usable GPU: {node['why_no_gpu']['text']}")


def upload(args: argparse.Namespace) -> None:
    with Client() as client:
        told = {"read": tables.read(args), "types": tables.types(args)}
        job = client.upload(args.project, args.name, args.file, args.kind, **told)["job"]
        say(f"{args.file} is sent; job {job} imports it.")
        follow(client, job, args.wait)


def replace(args: argparse.Namespace) -> None:
    with Client() as client:
        job = client.replace(args.project, args.name, args.file)["job"]
        say(f"{args.file} is sent; job {job} imports it in place of the rows of {args.name}.")
        follow(client, job, args.wait)


def columns(args: argparse.Namespace) -> None:
    with Client() as client:
        if args.type or tables.read(args):
            changes = {"types": tables.types(args), "read": tables.read(args) or None}
            job = client.correct(args.project, args.name, **changes)["job"]
            say(f"The file of {args.name} is read again by job {job}.")
            follow(client, job, args.wait)
            if not args.wait:
                return
        found = client.dataset(args.project, args.name)["columns"]
    rows = [[one["name"], one["type"], one.get("missing"), one.get("distinct")] for one in found]
    table(("column", "type", "missing", "distinct"), rows)


def train(args: argparse.Namespace) -> None:
    wishes = {
        "compute": compute(args),
        "session_name": args.session_name,
        "search": _search(args),
        "split": sampled(args.sample, args.sampling) or None,
    }
    with Client() as client:
        begun = client.train_analysis(args.project, args.analysis, **wishes)
        say(f"Session {begun['session']}: jobs {', '.join(map(str, begun['jobs']))}.")
        for line in remarks(begun):
            say(line)
        for job in begun["jobs"]:
            follow(client, job, args.wait)
        if args.wait:
            models = client.session(args.project, args.analysis, begun["session"])["models"]
            table(
                ("model", "algorithm", "state", "metrics"),
                [[m["id"], m["algorithm"], m["state"], metrics(m["metrics"])] for m in models],
            )


def _search(args: argparse.Namespace) -> Json | None:
    """What the session searches otherwise than the design says; None: nothing."""
    given = {"strategy": args.search, "trials": args.trials}
    return {name: value for name, value in given.items() if value is not None} or None


def jobs(args: argparse.Namespace) -> None:
    with Client() as client:
        if asked := _asked(client, args):
            say(f"{progress(asked)} {asked['reason']}".strip())
        elif args.stop:
            say(progress(client.stop(args.stop, args.how)))
        elif args.log:
            sys.stdout.write(client.log(args.log))
        elif args.follow:
            follow(client, args.follow, True)
        else:
            rows = client.jobs(args.project, args.state)
            table(
                ("job", "project", "kind", "state", "title", "reason"),
                [
                    [j["id"], j["project"], j["kind"], j["state"], j["title"], j["reason"]]
                    for j in rows
                ],
            )


def _asked(client: Client, args: argparse.Namespace) -> Json | None:
    """The job after it was paused, resumed or moved; None where none of these is meant."""
    if args.pause:
        return client.pause(args.pause)
    if args.resume:
        return client.resume(args.resume)
    if args.move:
        where = compute(args)
        if where is None:
            args.wrong("--move needs where to: --gpus, --any or --cpu")
        return client.move(args.move, where or {})
    return None


def score(args: argparse.Namespace) -> None:
    by = ["by", args.engine] if args.engine else []
    name = args.recipe or repeating.named("score", args.dataset, "with", args.model, *by)
    recipe = {
        "name": name,
        "kind": "score",
        "inputs": {"dataset": args.dataset, "saved_model": args.model},
        "compute": compute(args) or {"kind": "cpu"},
        **databases.destination(args),
    }
    if args.engine:
        recipe["settings"] = {**recipe.get("settings", {}), "engine": args.engine}
    with Client() as client:
        repeating.create(client, args.project, recipe)
        job = client.run_recipe(args.project, name)["id"]
        say(f"Recipe {name!r} runs as job {job}.")
        follow(client, job, args.wait or bool(args.download))
        if args.download:
            say(f"Saved {client.download(args.project, args.output, args.download)}.")


def deploy(args: argparse.Namespace) -> None:
    with Client() as client:
        made = client.deploy(args.project, args.model, args.name)
    active = made["saved_model"]["active_version"]
    say(f"{args.name}: version {made['version']} is there, version {active} is active.")


def follow(client: Client, job: int, wait: bool) -> None:
    """Print how a job goes until it is over; a job that failed makes the command fail."""
    if not wait:
        return
    said = ""
    for now in client.wait(job):
        if (line := progress(now)) != said:
            say(said := line)
    if now["state"] != "succeeded":
        raise TracksideError(200, now["state"], now["reason"] or f"Job {job} failed.")
    if now.get("fills"):
        client.ready(now["project"], now["fills"])


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="trackside", description="Trackside from a shell.")
    commands = whole.add_subparsers(required=True, metavar="command")
    one = _command(commands, "login", sign_in, "keep an address and a token")
    one.add_argument("url")
    one.add_argument("--token-stdin", action="store_true", help="read the token from stdin")
    _command(commands, "gpus", gpus, "the GPUs and who holds them")
    fleet.add(commands, _command, lambda: Client())
    _dataset(commands)
    one = _command(commands, "train", train, "train the models of an analysis")
    one.add_argument("project")
    one.add_argument("analysis")
    one.add_argument("--session-name", default="")
    ways = ["none", "tpe", "random", "grid"]
    one.add_argument("--search", choices=ways, help="of a table: how params are searched")
    one.add_argument("--trials", type=int, help="of the search, at most")
    one.add_argument("--sample", type=int, metavar="ROWS", help="of a table: so many learn, judge")
    ways = ["all", "random", "stratified", "balanced", "first", "latest"]
    one.add_argument("--sampling", choices=ways, default="", help="which; random with --sample")
    options(one)
    one.add_argument("--wait", action="store_true", help="until it is over")
    _jobs(commands)
    _score(commands)
    evaluating.add(commands, _command, lambda: Client(), follow)
    repeating.add(commands, _command, lambda: Client(), follow)
    databases.add(commands, _command, lambda: Client(), follow)
    one = _command(commands, "deploy", deploy, "deploy a trained model to the Flow")
    one.add_argument("project")
    one.add_argument("model", type=int, help="the trained model's number")
    one.add_argument("name", help="of the saved model")
    return whole


Commands = Any  # argparse has no public name for what add_subparsers answers


def _command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text.capitalize() + "."
    )
    one.set_defaults(run=run)
    return one


def _dataset(commands: Commands) -> None:
    verbs = commands.add_parser("dataset", help="datasets").add_subparsers(
        required=True, metavar="verb"
    )
    one = _command(verbs, "upload", upload, "upload a table or an archive of images")
    one.add_argument("project")
    one.add_argument("name")
    one.add_argument("file", type=Path)
    one.add_argument("--kind", default="auto", choices=["auto", "images", "table"])
    one.add_argument("--wait", action="store_true", help="until it is imported")
    tables.options(one)
    one = _command(verbs, "replace", replace, "upload newer rows of a table, read as before")
    one.add_argument("project")
    one.add_argument("name")
    one.add_argument("file", type=Path)
    one.add_argument("--wait", action="store_true", help="until it is imported")
    one = _command(verbs, "columns", columns, "list the columns of a dataset; correct their types")
    one.add_argument("project")
    one.add_argument("name")
    one.add_argument("--wait", action="store_true", help="until it is imported again")
    tables.options(one)


def _jobs(commands: Commands) -> None:
    one = _command(commands, "jobs", jobs, "list jobs; follow, stop, pause, resume or move one")
    one.add_argument("project", nargs="?", default="")
    one.add_argument("--state", default="")
    one.add_argument("--follow", type=int, metavar="JOB")
    one.add_argument("--log", type=int, metavar="JOB")
    one.add_argument("--stop", type=int, metavar="JOB")
    one.add_argument("--how", default="cancel", choices=["cancel", "finish_early"])
    one.add_argument("--pause", type=int, metavar="JOB", help="keep a checkpoint, free its devices")
    one.add_argument("--resume", type=int, metavar="JOB", help="go on with a paused one")
    one.add_argument("--move", type=int, metavar="JOB", help="go on there, from a checkpoint")
    options(one)


def _score(commands: Commands) -> None:
    one = _command(commands, "score", score, "score a dataset with a saved model")
    one.add_argument("project", help="its key, as in its address")
    one.add_argument("--dataset", required=True, help="the dataset to score")
    one.add_argument("--model", required=True, help="a saved model: its active version scores")
    databases.destinations(one)
    one.add_argument("--recipe", default="", metavar="NAME", help=repeating.NAME)
    one.add_argument("--download", type=Path, metavar="FILE", help="of --output, as CSV")
    one.add_argument("--engine", default="", help=repeating.ENGINE)
    options(one)
    one.add_argument("--wait", action="store_true", help="until it is over")


if __name__ == "__main__":
    raise SystemExit(main())
