"""The calls that explain a model of a table, literally."""

from trackside.api import explaining
from trackside.api import shapes as s
from trackside.api.operations import Operation, Query

P = "/projects/{key}"
MODEL = P + "/trained-models/{id}/explain"
VERSION = P + "/saved-models/{name}/versions/{v}/explain"
ASK = s.obj(
    closed=True,
    numbers={
        "type": "array",
        "items": {"type": "integer", "minimum": 0},
        "description": "rows of the dataset, from 0: why they are predicted as they are",
    },
    column={"type": "string", "description": "how good the model is on each of its groups"},
    row={
        "type": "object",
        "description": "a made-up row, by column: what is predicted, why, and what would turn it",
    },
    number={
        "type": "integer",
        "minimum": 0,
        "description": "where columns that `row` lacks come from; without it they are as usual",
    },
    fixed={**s.many(s.TEXT), "description": "columns that hints leave as they are"},
    toward={"type": "string", "description": "a class, or up or down; else any other class"},
)
EXPLANATION = s.obj(
    "job ask state over reason answer",
    job={"type": "integer"},
    ask={"enum": ["rows", "subpopulations", "whatif"]},
    state=s.TEXT,
    over=s.FLAG,
    reason=s.TEXT,
    answer={"type": ["object", "null"], "description": "docs/jobs.md, An explanation; null so far"},
)
ONE = (Query(name="job", schema={"type": "integer"}, text="only the one of this job"),)

ABOUT = "Exactly one of `numbers`, `column` and `row`. A quick job answers."
LISTED = s.obj("explanations", explanations=s.many(EXPLANATION))

EXPLAINING: tuple[Operation, ...] = (
    Operation(method="POST", path=MODEL, run=explaining.ask, tag="Lab", status=201, body=ASK,
              answer=EXPLANATION, starts=True, about=ABOUT,
              text="Explain rows, groups of rows or a made-up row of a model of a table"),
    Operation(method="GET", path=MODEL, run=explaining.listed, tag="Lab", query=ONE, answer=LISTED,
              text="The last 20 explanations of a model, the newest first"),
    Operation(method="POST", path=VERSION, run=explaining.ask, tag="Saved models", status=201,
              body=ASK, answer=EXPLANATION, starts=True, about=ABOUT,
              text="Explain rows, groups of rows or a made-up row of a version"),
    Operation(method="GET", path=VERSION, run=explaining.listed, tag="Saved models", query=ONE,
              answer=LISTED, text="The last 20 explanations of a version, the newest first"),
)  # fmt: skip
