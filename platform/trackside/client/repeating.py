"""Recipes by the shell: one that is there runs again; `trackside run`."""

import argparse
import hashlib
import shlex
from collections.abc import Callable
from typing import Any

from trackside.client.client import Client, Json, TracksideError, given
from trackside.client.printing import say
from trackside.client.where import compute, options

Open = Callable[[], Client]
Follow = Callable[[Client, int, bool], None]

LONGEST = 80  # characters of a recipe's name
ENGINE = "what predicts a table: own, fastest (that agrees), or an engine such as onnx"
NAME = "of the new recipe; left out, it is called by what it reads; `trackside run` repeats it"


def add(
    commands: Any, make: Callable[..., argparse.ArgumentParser], client: Open, follow: Follow
) -> None:
    """The command; `client` opens the connection when it runs."""
    one = make(commands, "run", lambda args: run(args, client, follow), "run a recipe again")
    one.add_argument("project")
    one.add_argument("recipe")
    modes = ["create", "append", "replace"]
    one.add_argument("--mode", choices=modes, help="this time, of rows that go to a database")
    one.add_argument("--engine", default="", help=f"this time, of a scoring: {ENGINE}")
    warm = "this time, of a training: go on from the active version, or begin anew"
    one.add_argument("--warm-start", action=argparse.BooleanOptionalAction, help=warm)
    options(one)
    one.add_argument("--wait", action="store_true", help="until it is over")


def run(args: argparse.Namespace, open_: Open, follow: Follow) -> None:
    """As the recipe remembers it; what is named here holds for this run alone."""
    once = given({"mode": args.mode, "engine": args.engine}) or None
    with open_() as client:
        begun = client.run_recipe(
            args.project, args.recipe, compute(args), settings=once, warm_start=args.warm_start
        )
        say(f"Recipe {args.recipe!r} runs as job {begun['id']}.")
        follow(client, begun["id"], args.wait)


def named(*words: str) -> str:
    """The name of a recipe that was given none: the same words, the same recipe.

    One that would be too long is cut, and told apart from others of its beginning by a number.
    """
    name = " ".join(words)
    if len(name) <= LONGEST:
        return name
    number = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9].rstrip()} {number}"


def create(client: Client, project: str, recipe: Json) -> None:
    """Raises TracksideError; where there is one of this name, it says how that one runs again."""
    try:
        client.create_recipe(project, recipe)
    except TracksideError as refused:
        if refused.field != "name" or "already" not in str(refused):
            raise
        again = shlex.join(["trackside", "run", project, recipe["name"]])
        said = f"{refused} It runs again by: {again}. Another one is made with --recipe NAME."
        raise TracksideError(refused.status, refused.code, said, refused.field) from None
