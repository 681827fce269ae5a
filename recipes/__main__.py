"""The command line of the recipes: run a job folder, score or judge with a bundle.

python -m recipes FOLDER
torchrun --standalone --nproc-per-node 2 -m recipes FOLDER
python -m recipes train INPUT --target COLUMN --out BUNDLE
python -m recipes score BUNDLE INPUT --out FILE [--threshold 0.4]
python -m recipes evaluate BUNDLE INPUT --out FILE
python -m recipes catalogue --weights FOLDER [--kept FILE]
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

OF_A_TABLE: tuple[tuple[str, Callable[[str], object], str], ...] = (  # recipes/kinds/score.py
    ("threshold", float, "of two classes, from which probability on the positive one is predicted"),
    ("probabilities", str, "all (the default), predicted or none"),
    ("explanations", int, "so many columns a row that moved its prediction most"),
    ("engine", str, "what predicts: own (the default), fastest, onnx, nvforest or hummingbird"),
)


def main(arguments: list[str]) -> int:
    """The exit code."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "train": _train,
        "score": _score,
        "evaluate": _evaluate,
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


def _train(arguments: list[str]) -> int:
    from recipes import train_files

    return train_files.main(arguments)


def _score(arguments: list[str]) -> int:
    what = "Predict for each picture, or each row of a table."
    parser = _parser("score", what, "CSV, and for a table Parquet too")
    for flag, kind, told in OF_A_TABLE:
        parser.add_argument(f"--{flag}", type=kind, help=f"of a table: {told}")
    given = parser.parse_args(arguments)
    from recipes.score_files import score_files

    settings = {flag: getattr(given, flag) for flag, _, _ in OF_A_TABLE}
    return score_files(
        given.bundle,
        given.input,
        given.out,
        ranks=given.ranks,
        device=given.device,
        settings={flag: value for flag, value in settings.items() if value is not None},
    )


def _evaluate(arguments: list[str]) -> int:
    what = "Judge a model on pictures in class folders, or on a table with its target."
    given = _parser("evaluate", what, "JSON, docs/jobs.md").parse_args(arguments)
    from recipes.score_files import evaluate_files

    told = {"ranks": given.ranks, "device": given.device}
    return evaluate_files(given.bundle, given.input, given.out, **told)


def _parser(name: str, what: str, out: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m recipes {name}", description=what)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("input", type=Path, help="pictures, a table, or a dataset")
    parser.add_argument("--out", type=Path, required=True, help=f"the file to write: {out}")
    parser.add_argument("--ranks", type=int, default=1, help="processes that share the pictures")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser


def _catalogue(arguments: list[str]) -> int:
    from recipes import told_before

    return told_before.main(arguments)


def _demo(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes demo")
    parser.add_argument("file", type=Path, help="the zip of demonstration photos to write")
    from recipes.data import demo

    demo.write(parser.parse_args(arguments).file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
