"""What the REST API says of trainings and trained models."""

from trackside.api.shapes import ANY_OBJECT, FLAG, NOTES, TEXT, WHOLE, many, obj
from trackside.api.shapes_fit import FINDINGS

TRAINING = obj(
    "session jobs notes findings",
    session=WHOLE,
    name=TEXT,
    jobs=many(WHOLE),
    notes=NOTES,
    findings=FINDINGS,
)
FOUND = {
    "type": ["object", "null"],
    "description": "the search as it was asked for and, once it is over, `done` and `failed` "
    "(trials), `best` (the metric of the best one, as it judged) and `stopped` (why it ended); "
    "null: none. The trials themselves are in the model's report",
}
SESSION = obj(
    "models",
    models=many(
        obj(
            "id algorithm state metrics params job",
            id=WHOLE,
            algorithm=TEXT,
            state=TEXT,
            metrics=ANY_OBJECT,
            params={**ANY_OBJECT, "description": "those of the best trial once a search is over"},
            search=FOUND,
            job={"type": ["integer", "null"]},
        )
    ),
)
TRAINED_MODEL = obj(
    "id task algorithm state metrics report",
    id=WHOLE,
    task=TEXT,
    algorithm=TEXT,
    state=TEXT,
    metrics=ANY_OBJECT,
    params=ANY_OBJECT,
    facts=ANY_OBJECT,
    search=FOUND,
    starred=FLAG,
    threshold={"type": ["number", "null"], "description": "in use: the kept one or the own one"},
    own_threshold={"type": ["number", "null"]},
    report={"type": ["object", "null"], "description": "docs/jobs.md has its shape"},
    job={"type": ["integer", "null"]},
)
LEADERBOARD = obj("models count", models=many(ANY_OBJECT), count=WHOLE)
PATCH_TRAINED_MODEL = obj(closed=True, threshold={"type": ["number", "null"]}, starred=FLAG)
