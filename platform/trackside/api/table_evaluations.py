"""The calls about evaluation stores, literally."""

from trackside.api import evaluations
from trackside.api import shapes as s
from trackside.api.operations import Operation, Query
from trackside.api.schemas import Schema

STORES = "/projects/{key}/evaluation-stores"
PAGE = (
    Query(name="limit", schema={"type": "integer", "default": 50, "maximum": 200}, text="how many"),
    Query(name="after", schema=s.TEXT, text="the `next` of the page before"),
)
ACCEPT = Query(
    name="Accept", schema=s.TEXT, place="header", text="`text/csv`: the whole history as a table"
)
SUMMARY: Schema = {
    "number": s.WHOLE,
    "saved_model_version": s.WHOLE,
    "recipe": s.TEXT,
    "dataset": s.TEXT,
    "fingerprint": s.TEXT,
    "job": {"type": ["integer", "null"]},
    "metric": s.TEXT,
    "score": {"type": ["number", "null"]},
    "metrics": s.ANY_OBJECT,
    "threshold": {"type": ["number", "null"], "description": "of two classes"},
    "trained": {"type": "object", "description": "the metrics of the version's training"},
    "judged": s.WHOLE,
    "of": {"type": "integer", "description": "rows or pictures of the dataset"},
    "left_out": s.many(s.obj("why rows", why=s.TEXT, rows=s.WHOLE)),
    "drift": {"type": "object", "description": "what moved, how much; docs/jobs.md"},
    "created_at": s.TEXT,
}
EVALUATION: Schema = {
    "type": "object",
    "properties": SUMMARY,
    "required": ["number", "metric", "metrics", "judged", "of"],
}
REPORT: Schema = {"type": ["object", "null"], "description": "evaluation.json, docs/jobs.md"}
WHOLE_EVALUATION: Schema = {
    **EVALUATION,
    "properties": {**SUMMARY, "report": REPORT},
    "required": [*EVALUATION["required"], "report"],
}
STORE: Schema = s.obj(
    "name saved_model evaluations",
    name=s.TEXT,
    saved_model=s.TEXT,
    task=s.TEXT,
    evaluations={"type": "integer", "description": "how many"},
    last={**EVALUATION, "type": ["object", "null"]},
)

EVALUATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path=STORES, run=evaluations.listed, tag="Evaluations", query=PAGE,
              answer=s.listed("evaluation_stores", STORE),
              text="The evaluation stores of a project",
              about="A recipe of the kind evaluate writes them: `POST .../recipes`."),
    Operation(method="GET", path=STORES + "/{name}", run=evaluations.get, tag="Evaluations",
              answer=STORE, text="One evaluation store and its last evaluation"),
    Operation(method="DELETE", path=STORES + "/{name}", run=evaluations.delete_store,
              tag="Evaluations", status=204,
              text="Delete an evaluation store that no recipe writes"),
    Operation(method="GET", path=STORES + "/{name}/evaluations", run=evaluations.history,
              tag="Evaluations", query=(*PAGE, ACCEPT), answers=("text/csv",),
              answer=s.listed("evaluations", EVALUATION), text="The history of a store"),
    Operation(method="GET", path=STORES + "/{name}/evaluations/{n}", run=evaluations.one,
              tag="Evaluations", answer=WHOLE_EVALUATION,
              text="One evaluation: metrics, what was left out, drift, the whole report"),
    Operation(method="DELETE", path=STORES + "/{name}/evaluations/{n}", run=evaluations.delete,
              tag="Evaluations", status=204, text="Delete an evaluation"),
)  # fmt: skip
