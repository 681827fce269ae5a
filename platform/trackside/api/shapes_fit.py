"""The shape of what `fit` answers: verdicts, and what placement would do with the wish now."""

from trackside.api.schemas import Schema
from trackside.api.shapes import ANY_OBJECT, NUMBER, TEXT, WHOLE, many, obj

VERDICTS = ["fits", "tight", "no_room_now", "too_small", "busy", "not_shared", "reserved"]
FINDINGS: Schema = {
    **many(
        obj(
            "level title text tab",
            level={"type": "string", "enum": ["wn", "info"]},
            title=TEXT,
            text=TEXT,
            tab={**TEXT, "description": "of the design page, where it can be changed"},
        )
    ),
    "description": "What may spoil the training, seen in the data and the design: leaks, gaps, "
    "columns that are left out; wn, look at these, first",
}
FITS = obj(
    "gpus findings",
    gpus=many(
        obj(
            "uuid verdict",
            uuid=TEXT,
            verdict={"type": "string", "enum": VERDICTS},
            needs=NUMBER,
            free=NUMBER,
        )
    ),
    need=ANY_OBJECT,
    rows={
        "type": "object",
        "description": "Of a table: how many rows would train, validate (val) and test; of a "
        "cross-test train and folds",
        "additionalProperties": {"type": "integer"},
    },
    start=obj(
        "seconds text",
        seconds={"type": ["number", "null"], "description": "0: now; null: nobody can know"},
        text=TEXT,
        parts=many(
            obj("node uuids ranks", node=TEXT, gpus=many(WHOLE), uuids=many(TEXT), ranks=WHOLE)
        ),
        passes={"type": "string", "description": "back-fill: what it would wait for otherwise"},
        reason={"type": "string", "description": "why it would wait"},
        ahead={"type": "integer", "description": "jobs that wait before it"},
        gives_way={"type": "array", "items": WHOLE, "description": "jobs that would be preempted"},
        reserved={"type": "boolean", "description": "what it waits for is kept for it"},
        gap={"type": "object", "description": "what would let it start now: seconds, preemptible"},
    ),
    duration=obj("seconds basis", seconds=NUMBER, basis=TEXT),
    effective_batch=ANY_OBJECT,
    findings=FINDINGS,
)
