"""The calls that compare models and document them, literally."""

from trackside.api import comparison, documents
from trackside.api import shapes as s
from trackside.api.operations import Operation, Query

P = "/projects/{key}"
DOCUMENTS = ("text/html", "application/pdf")
OF = (
    Query(name="of", schema=s.TEXT,
          text="a trained model's id, or NAME:NUMBER of a version; repeated, 2 to 8 times"),
    Query(name="champion", schema=s.TEXT,
          text="one of them; by default the active version, else the first"),
)  # fmt: skip
ACCEPT = (
    Query(name="Accept", schema=s.TEXT, place="header",
          text="`text/html` (the default) or `application/pdf`"),
)  # fmt: skip
CELL = s.obj(
    "value difference better low high",
    value=s.NUMBER,
    difference={"type": ["number", "null"], "description": "to the champion"},
    better={
        "type": ["boolean", "null"],
        "description": "whether the difference is a gain; null: none that its digits show",
    },
    low={"type": ["number", "null"], "description": "95 % interval of the difference; null: none"},
    high=s.NUMBER,
)
LINES = s.many(
    s.obj(
        "name label higher_is_better values",
        name=s.TEXT,
        label=s.TEXT,
        higher_is_better=s.FLAG,
        values={"type": "object", "additionalProperties": CELL},
    )
)
COMPARISON = s.obj(
    "champion models same_rows rows verdict metrics design facts job",
    champion=s.TEXT,
    task=s.TEXT,
    models=s.many(
        s.obj("key label active", key=s.TEXT, label=s.TEXT, origin=s.TEXT, active=s.FLAG,
              metric=s.TEXT, classes=s.many(s.TEXT), fingerprint=s.TEXT, trained_at=s.MAYBE_TEXT)
    ),
    same_rows={"type": ["boolean", "null"], "description": "whether the same rows judged all"},
    rows=s.TEXT,
    verdict=s.TEXT,
    metrics=LINES,
    test_metrics=LINES,
    confusion=s.ANY_OBJECT,
    importance=s.ANY_OBJECT,
    design=s.many(s.obj("section setting values", section=s.TEXT, setting=s.TEXT,
                        values=s.ANY_OBJECT)),
    facts=s.ANY_OBJECT,
    job={"type": ["integer", "null"], "description": "the job of the intervals, once asked for"},
    job_state=s.MAYBE_TEXT,
)  # fmt: skip
JUDGE = s.obj("of", closed=True, of=s.many(s.TEXT), champion=s.TEXT)

COMPARING: tuple[Operation, ...] = (
    Operation(method="GET", path=P + "/comparison", run=comparison.get, tag="Lab", query=OF,
              answer=COMPARISON, text="Compare 2 to 8 models: a champion and its challengers",
              about="Trained models and versions of one project, with the same task, target and "
              "classes. What cannot be compared is 409 with the reason."),
    Operation(method="POST", path=P + "/comparison", run=comparison.judge, tag="Lab", status=202,
              body=JUDGE, answer=s.JOB, starts=True,
              text="Compute whether the differences are more than chance",
              about="A quick job on the rows that judged both; its intervals are then in the "
              "comparison."),
    Operation(method="GET", path=P + "/trained-models/{id}/document", run=documents.of_model,
              tag="Lab", query=ACCEPT, answers=DOCUMENTS, text="The document of a trained model",
              about="Data, split, design, training, figures, charts and limits, as one page or "
              "as a PDF."),
    Operation(method="GET", path=P + "/saved-models/{name}/versions/{v}/document",
              run=documents.of_version, tag="Saved models", query=ACCEPT, answers=DOCUMENTS,
              text="The document of a version"),
)  # fmt: skip
