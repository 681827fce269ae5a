"""`trackside evaluate` and `evaluations`."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from trackside.client import repeating
from trackside.client.client import Client, Json, address
from trackside.client.printing import metrics, say, table
from trackside.client.where import compute, options

Open = Callable[[], Client]
Follow = Callable[[Client, int, bool], None]


def stores(client: Client, project: str) -> Iterator[Json]:
    """The evaluation stores of a project."""
    return client.pages(address("projects", project, "evaluation-stores"), "evaluation_stores")


def evaluations(client: Client, project: str, store: str) -> Iterator[Json]:
    """The history of a store, newest first."""
    path = address("projects", project, "evaluation-stores", store, "evaluations")
    return client.pages(path, "evaluations")


def evaluation(client: Client, project: str, store: str, number: int) -> Json:
    """One evaluation with its whole report."""
    path = address("projects", project, "evaluation-stores", store, "evaluations", number)
    return client.call("GET", path)


def add(
    commands: Any, make: Callable[..., argparse.ArgumentParser], client: Open, follow: Follow
) -> None:
    """The commands; `client` opens the connection when one of them runs."""
    one = make(
        commands, "evaluate", lambda args: evaluate(args, client, follow),
        "judge a saved model on a dataset with the truth",
    )  # fmt: skip
    one.add_argument("project", help="its key, as in its address")
    one.add_argument("--dataset", required=True, help="a dataset with the truth in its target")
    one.add_argument("--model", required=True, help="a saved model: its active version is judged")
    one.add_argument("--store", required=True, help="the evaluation store, new or the model's own")
    one.add_argument("--rows", default="", help="a new dataset for the judged rows")
    one.add_argument("--metrics", default="", help="a dataset for the store's history")
    one.add_argument("--recipe", default="", metavar="NAME", help=repeating.NAME)
    options(one)
    one.add_argument("--wait", action="store_true", help="until it is over, then print it")
    one = make(commands, "evaluations", lambda args: show(args, client), "the history of a store")
    one.add_argument("project")
    one.add_argument("store", nargs="?", default="", help="left out: the stores of the project")


def evaluate(args: argparse.Namespace, open_: Open, follow: Follow) -> None:
    name = args.recipe or repeating.named("evaluate", args.model, "on", args.dataset)
    body = {
        "name": name,
        "kind": "evaluate",
        "inputs": {"dataset": args.dataset, "saved_model": args.model},
        "output": args.store,
        "compute": compute(args) or {"kind": "cpu"},
        **({"rows": args.rows} if args.rows else {}),
        **({"metrics": args.metrics} if args.metrics else {}),
    }
    with open_() as client:
        repeating.create(client, args.project, body)
        job = client.run_recipe(args.project, name)["id"]
        say(f"Recipe {name!r} runs as job {job}.")
        follow(client, job, args.wait)
        if args.wait:
            _tell(next(evaluations(client, args.project, args.store)))


def _tell(one: Json) -> None:
    say(f"Evaluation {one['number']}: {one['judged']:,} of {one['of']:,} judged.")
    say(metrics(one["metrics"]))
    for line in one["left_out"]:
        say(f"Not judged: {line['rows']:,}, {line['why']}.")
    for line in one["drift"].get("moved") or []:
        say(f"{line['name']} moved ({line['strength']}, PSI {line['psi']:.3f}).")


def show(args: argparse.Namespace, open_: Open) -> None:
    with open_() as client:
        if not args.store:
            rows = [
                [one["name"], one["saved_model"], one["evaluations"]]
                for one in stores(client, args.project)
            ]
            table(("store", "saved model", "evaluations"), rows)
            return
        lines = [_line(one) for one in evaluations(client, args.project, args.store)]
    table(("no", "when", "dataset", "version", "judged", "metric", "score", "moved"), lines)


def _line(one: Json) -> list[object]:
    score = "" if one["score"] is None else f"{one['score']:.4f}"
    return [
        one["number"], one["created_at"][:16], one["dataset"], one["saved_model_version"],
        one["judged"], one["metric"], score, one["drift"].get("moved_count"),
    ]  # fmt: skip
