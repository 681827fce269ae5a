"""The shapes of bodies and answers, as JSON Schema, with the cards' own where they belong."""

from recipes.kinds.score import SETTINGS as SCORING
from recipes.tasks import TASKS
from trackside.api.schemas import Schema
from trackside.lab.searching import SETTINGS as SEARCHING
from trackside.saved_models.strategies import STRATEGIES

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 80}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": ["number", "null"]}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}


def obj(required: str = "", /, *, closed: bool = False, **properties: Schema) -> Schema:
    """An object; `required` lists names. Closed: fields that are not listed are refused."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    if closed:
        schema["additionalProperties"] = False
    return schema


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def listed(noun: str, items: Schema) -> Schema:
    """One page of a list."""
    properties = {noun: many(items), "next": MAYBE_TEXT}
    return {"type": "object", "properties": properties, "required": [noun, "next"]}


COMPUTE: Schema = {
    "type": "object",
    "description": "Where to run: the CPU, these GPUs, or any that are free.",
    "properties": {
        "kind": {"type": "string", "enum": ["cpu", "gpus", "any"]},
        "uuids": many(TEXT),
        "count": {"type": "integer", "minimum": 1},
        "nodes": {
            "type": "integer",
            "minimum": 1,
            "description": "any: machines, at most",
        },
        "min_free": {"type": ["integer", "null"], "description": "bytes"},
        "name": {"type": ["string", "null"], "description": "part of the GPU's name, such as H100"},
        "ranks": {"type": "integer", "minimum": 1, "description": "CPU only: processes"},
        "share": {"type": "string", "enum": ["exclusive", "shared"]},
        "memory": {
            "type": ["integer", "null"],
            "description": "shared: bytes of each GPU; null: what it is estimated at",
        },
        "precision": {"type": "string", "enum": ["auto", "bf16", "fp16", "fp32"]},
        "priority": WHOLE,
        "preemptible": {
            "type": "boolean",
            "description": "it may be ended with a checkpoint, and go on later, for other jobs",
        },
        "max_seconds": {
            "type": ["integer", "null"],
            "description": "the longest run; a known end lets it start before older, larger jobs",
        },
    },
}
ERROR = obj("error", error=obj("code message", code=TEXT, message=TEXT, field=TEXT))
PROJECT = obj("key name", key=TEXT, name=TEXT, description=TEXT, role=TEXT)
NEW_PROJECT = obj(
    "key name",
    closed=True,
    key={"type": "string", "description": "upper case letters, digits and underscores"},
    name={"type": "string", "minLength": 1, "maxLength": 120},
    description={"type": "string", "maxLength": 2000},
)
GPU = obj(
    "uuid index name memory_total memory_used state",
    uuid=TEXT,
    index=WHOLE,
    name=TEXT,
    memory_total=WHOLE,
    memory_used=WHOLE,
    utilization=NUMBER,
    temperature=NUMBER,
    power=NUMBER,
    state={"type": "string", "enum": ["free", "busy", "foreign", "failed", "quarantined", "stale"]},
    holder={"type": ["object", "null"]},
    holders={"type": "array", "items": ANY_OBJECT, "description": "all, of a shared GPU"},
    shares={"type": ["object", "null"], "description": "slots, taken, memory; null: not shared"},
    slots={"type": "integer", "description": "the most jobs that may share it; 1: never shared"},
    parent={"type": "string", "description": "a MIG slice's card"},
    errors={"type": "object", "description": "ecc, retired, xid, slowed"},
    remarks=many(obj("kind text", kind=TEXT, text=TEXT)),
)
GPUS = obj("nodes", nodes=many(obj("name state gpus", name=TEXT, state=TEXT, gpus=many(GPU))))
JOB = obj(
    "id kind state reason",
    id=WHOLE,
    kind=TEXT,
    state={
        "type": "string",
        "enum": ["queued", "starting", "running", "stopping", "succeeded", "failed", "cancelled"],
    },
    reason={"type": "string", "description": "why it waits, why it failed, who stopped it"},
    paused=FLAG,
    compute=COMPUTE,
    gpus=many(ANY_OBJECT),
    attempts=many(ANY_OBJECT),
    progress=obj(done=NUMBER, of=NUMBER, unit=MAYBE_TEXT, eta=NUMBER, share=NUMBER, before=NUMBER),
    metrics=ANY_OBJECT,
    model={"description": "the trained model's id, or null"},
    output={"description": "the dataset or saved model it wrote, or null"},
    fills={"description": "the dataset into which its figures are being imported, or null"},
    scored={
        "type": ["object", "null"],
        "description": "of a scoring that is over: `rows`, `damaged` (without a prediction), "
        "`unseen` ([column, values] that the model did not learn), `engine` (what predicted: own, "
        "the model's own library, or another), `parity` (reports as a version has them), "
        "`explanations` (`device` that explained, `parity` (its report, or null), `why` no GPU was "
        "tried; null: none were asked for), `file` "
        "(to download at /jobs/{id}/file, or empty), `table` (of a database: `connection`, "
        "`schema`, `table`, `mode`; or {})",
    },
)
STOP = obj("how", closed=True, how={"type": "string", "enum": ["finish_early", "cancel"]})
MOVE = obj("compute", closed=True, compute=COMPUTE)
TARGET: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 400,
    "description": "label for images; for a table the column to predict",
}
TASK: Schema = {
    "type": "string",
    "description": f"one of {', '.join(TASKS)}; left out, the target's own",
}
NEW_ANALYSIS = obj("name dataset", closed=True, name=NAME, dataset=NAME, target=TARGET, task=TASK)


NOTES: Schema = {
    "type": "array",
    "items": TEXT,
    "description": "Settings that came under the names of other tools, and what became of them and "
    "of the device that they ask for",
}
SEARCH: Schema = {
    **SEARCHING.schema(),
    "description": "Of a table: the search for the best params that all its models share; a "
    "model's own `space` says what is tried of it",
}
FIT = obj(closed=True, compute=COMPUTE)
TRAIN = obj(
    closed=True,
    session_name={"type": "string", "maxLength": 80},
    compute=COMPUTE,
    models={
        "type": "array",
        "items": {"type": ["object", "integer"]},
        "description": "Models of the design by their place from 0, or models as a design has them",
    },
    search={**SEARCH, "description": "what is other than in the design, for this session alone"},
    split={
        "type": "object",
        "description": "what is other than in the design, for this session alone, such as "
        "{'sampling': 'random', 'sample_rows': 200000}",
    },
)
DEPLOY = obj(
    "name",
    closed=True,
    name=NAME,
    activate=FLAG,
    strategy={
        "enum": ["most_recent", "best_score"],
        "description": "finds the version that is active then, in place of `activate`; the "
        "training recipe takes this model's design only if that is it",
    },
)
REPORT = obj(
    "engine device used why",
    engine={"type": "string", "description": "own: the model's own library, on a GPU"},
    device=TEXT,
    on={"type": "string", "description": "where the library itself said that it computed"},
    rows={"type": "integer", "description": "compared with the own library on the CPU"},
    gaps={"type": "integer", "description": "missing values among them"},
    difference={
        "type": ["number", "null"],
        "description": "the largest, of values as a share of their spread; null: none to name",
    },
    tolerance=NUMBER,
    agrees={
        "type": ["boolean", "null"],
        "description": "whether it says the same; null: nothing could be compared",
    },
    used={"type": "boolean", "description": "whether it predicted the rows of that job"},
    why=TEXT,
    versions=ANY_OBJECT,
    seconds={
        "type": ["object", "null"],
        "description": "of the rows compared: own and engine; null: not timed",
    },
    when=TEXT,
    job={"type": "integer", "description": "the scoring that compared"},
)
VERSION = obj(
    "version active metrics",
    version=WHOLE,
    active=FLAG,
    metric=TEXT,
    score=NUMBER,
    metrics=ANY_OBJECT,
    facts=ANY_OBJECT,
    proof={
        "type": ["object", "null"],
        "description": "of a table: what the training found when it read the saved model back on "
        "the CPU: `device` that it learned on, `on` (where the trained model predicted), `rows` "
        "compared, the largest `difference`, `tolerance` (as of parity), `moved` (rows of another "
        "class), `agrees`, `why`; null: of images, or from before there was one",
    },
    parity={**many(REPORT), "description": "the newest report of each scoring engine and device"},
    trained_model={"type": ["integer", "null"]},
    job={"type": ["integer", "null"]},
)
SAVED_MODEL = obj(
    "name task active_version versions",
    name=TEXT,
    task=TEXT,
    active_version={"type": ["integer", "null"]},
    versions=many(VERSION),
)
ACTIVATE = obj(
    closed=True, version={"type": "integer", "minimum": 1}, strategy={"enum": list(STRATEGIES)}
)
SETTINGS: Schema = {
    "type": "object",
    "description": "of its kind; train: warm_start, whether runs go on from the active version, "
    "and redo_search, whether they search the params again or keep those that were found; "
    "score, of images: batch, of tables: the others",
    "properties": SCORING.schema()["properties"],
}
RECIPE_INPUTS = obj(closed=True, dataset=NAME, saved_model=NAME, analysis=NAME)
NEW_RECIPE = obj(
    "name kind inputs",
    closed=True,
    name=NAME,
    kind={"type": "string", "description": "train, score or evaluate"},
    inputs=RECIPE_INPUTS,
    output={
        **NAME,
        "description": "score: the new dataset, unless the settings write a file; train: the "
        "saved model; evaluate: the store",
    },
    rows={**NAME, "description": "evaluate: a new dataset for the judged rows; or left out"},
    metrics={
        **NAME,
        "description": "evaluate: a dataset for the store's history, new or that of another recipe "
        "into this store; or left out",
    },
    settings=SETTINGS,
    compute=COMPUTE,
    activate=FLAG,
)
PATCH_RECIPE = obj(closed=True, settings=SETTINGS, compute=COMPUTE, activate=FLAG)
RECIPE = obj(
    "name kind inputs output",
    name=TEXT,
    kind=TEXT,
    inputs=ANY_OBJECT,
    output=MAYBE_TEXT,
    rows=MAYBE_TEXT,
    metrics=MAYBE_TEXT,
    settings=ANY_OBJECT,
    compute=COMPUTE,
    activate=FLAG,
    job={"type": ["integer", "null"]},
    state=TEXT,
)
RUN = obj(
    closed=True,
    compute=COMPUTE,
    warm_start={"type": "boolean", "description": "train: as in the settings, this time only"},
    redo_search={"type": "boolean", "description": "train: as in the settings, this time only"},
    activate={"type": "boolean", "description": "train: whether its version becomes active"},
    settings={**SETTINGS, "description": "score: those that are others this time only"},
)
DEPLOYED = obj("saved_model recipe", saved_model=SAVED_MODEL, recipe=RECIPE, version=WHOLE)
EDGE: Schema = {
    "type": "object",
    "properties": {"from": TEXT, "to": TEXT},
    "required": ["from", "to"],
}
FLOW = obj(
    "nodes edges",
    nodes=many(obj("id type name kind state", id=TEXT, type=TEXT, name=TEXT, kind=TEXT)),
    edges=many(EDGE),
)
