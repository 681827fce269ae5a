"""Score: a bundle and a dataset go in, a table of predictions comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.job import BadJob, Job
from recipes.kinds.kind import Kind
from recipes.params import Choice, FromProject, Number, Param, ParamError, Params, Value, Whole
from recipes.scorers import FASTEST, OWN, SCORERS, takes
from recipes.tasks import data_of

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


@dataclass(frozen=True, kw_only=True)
class Threshold(Number):
    """A number, or nothing: the model's own."""

    def clean(self, raw: Value) -> Value:
        return None if raw in (None, "") else super().clean(raw)

    def schema(self) -> dict[str, Value]:
        return {**super().schema(), "type": ["number", "null"]}


@dataclass(frozen=True, kw_only=True)
class Name(Param):
    """What something in a database is called; "" where nothing is named."""

    def clean(self, raw: Value) -> Value:
        if not isinstance(raw, str) or len(raw) > 200 or "\0" in raw:
            raise ValueError(f"{self.label!r} must be a name of at most 200 characters.")
        return raw.strip()


TO_SQL = ("output", ("sql",))
SETTINGS = Params(  # of a table; of images there is `batch` alone
    (
        Choice(
            name="output",
            label="Write to",
            default="dataset",
            shape="segments",
            help="A dataset stands in the Flow and is replaced by each run; a file is kept with "
            "its job, to download; a table lies in a database.",
            options=(
                ("dataset", "Dataset", ""),
                ("csv", "CSV file", ""),
                ("parquet", "Parquet file", ""),
                ("sql", "SQL table", ""),
            ),
        ),
        FromProject(
            name="connection",
            label="Connection",
            default="",
            list="connections",
            when=TO_SQL,
            help="Those that this project may write by; administrators make them.",
        ),
        Name(
            name="schema",
            label="Schema",
            default="",
            when=TO_SQL,
            unit="empty = the usual one",
        ),
        Name(name="table", label="Table", default="", when=TO_SQL),
        Choice(
            name="mode",
            label="Where the table is there already",
            default="create",
            when=TO_SQL,
            help="Rows are appended where they fit its columns; what is replaced is gone. All rows "
            "of a run are written in one transaction, or none.",
            options=(
                ("create", "Refuse to write", ""),
                ("append", "Append the rows", ""),
                ("replace", "Replace it by the rows", ""),
            ),
        ),
        Threshold(
            name="threshold",
            label="Threshold",
            default=None,
            minimum=0,
            maximum=1,
            step=0.01,
            unit="empty = the model's own",
            help="Of two classes, the positive one is predicted from this probability on.",
        ),
        Choice(
            name="probabilities",
            label="Probabilities",
            default="all",
            help="Which of them are written beside the prediction of a class.",
            options=(
                ("all", "Of each class", "A column for each class: proba_…"),
                ("predicted", "Of the predicted class", "One column: proba"),
                ("none", "None", ""),
            ),
        ),
        Whole(
            name="explanations",
            label="Explanations",
            default=0,
            minimum=0,
            maximum=50,
            unit="columns, 0 = none",
            help="For each row the columns that moved its prediction most, with how much, as JSON "
            "in the column explanations. It takes longer.",
        ),
        Choice(
            name="engine",
            label="Engine",
            default=OWN,
            shape="radio",
            help="What predicts. Another library than the model's own does so only if it says the "
            "same of the first rows, missing values included.",
            options=(
                (OWN, "The model's own library", ""),
                (
                    FASTEST,
                    "The fastest that agrees",
                    "Tries what its machine has, only where the own library needs more than "
                    "about two seconds for all rows: trying takes some, too.",
                ),
                *((one.name, one.label, f"{one.help} {takes(one)}") for one in SCORERS.values()),
            ),
        ),
    )
)


def settings_of(spec: dict[str, Any]) -> dict[str, Value]:
    """The settings of a table's scoring that stand in the spec. Raises BadJob."""
    given = {one.name: spec[one.name] for one in SETTINGS.fields if one.name in spec}
    if isinstance(given.get("output"), dict):  # where in a database: docs/jobs.md
        given["output"] = "sql"
    try:
        return SETTINGS.clean(given)
    except ParamError as wrong:
        raise BadJob(str(wrong)) from None


def run(job: Job, folder: Path, peers: Peers) -> None:
    from recipes import bundle

    if not job.spec.get("bundle"):
        raise BadJob("The job names no bundle.")
    if data_of(bundle.read_model(Path(job.spec["bundle"])).get("task")) == "table":
        from recipes.engine.tabular.scoring import score_table

        return score_table(job, folder, peers, settings_of(job.spec))
    from recipes.engine.scoring import score_job

    return score_job(job, folder, peers)


KIND = Kind(name="score", label="Score", torch=True, quick=False, run=run)
