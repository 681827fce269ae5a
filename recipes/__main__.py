"""The command line of the recipes: run a job folder, or score with a bundle.

python -m recipes FOLDER
torchrun --standalone --nproc-per-node 2 -m recipes FOLDER
python -m recipes score BUNDLE INPUT --out FILE
python -m recipes catalogue --weights FOLDER
python -m recipes demo FILE
"""
# Machinery is imported by the command that needs it: `demo` must not wait for torch.
# ruff: noqa: PLC0415

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from recipes import job as jobs


def main(arguments: list[str]) -> int:
    """The exit code."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "score": _score,
        "catalogue": _catalogue,
        "demo": _demo,
    }
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m recipes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="a job folder: it has a job.json")
    return _run(parser.parse_args(arguments).folder)


def _run(folder: Path) -> int:
    """This process is a rank when torchrun says so, and else leads all ranks itself."""
    try:
        jobs.read(folder)
    except jobs.BadJob as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201
        return 2
    from recipes import rank

    if "RANK" in os.environ:
        number, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        return rank.run(folder, rank=number, world=world, rendezvous="env://")
    from recipes import gang
    from recipes.events import tell

    code = gang.lead(folder)
    tell(folder / "events.jsonl")
    return code


def _score(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m recipes score",
        description="Predict for each picture, or each row of a table.",
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("input", type=Path, help="pictures, a table, or a dataset")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the file to write: CSV, and for a table Parquet too",
    )
    parser.add_argument("--ranks", type=int, default=1, help="processes that share the pictures")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args(arguments)
    from recipes.score_files import score_files

    return score_files(given.bundle, given.input, given.out, ranks=given.ranks, device=given.device)


def _catalogue(arguments: list[str]) -> int:
    from recipes import catalogue

    return catalogue.main(arguments)


def _demo(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes demo")
    parser.add_argument("file", type=Path, help="the zip of demonstration photos to write")
    from recipes.data import demo

    demo.write(parser.parse_args(arguments).file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
