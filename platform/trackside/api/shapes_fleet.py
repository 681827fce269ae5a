"""The shapes of what the fleet's calls take and answer."""

from trackside.api.schemas import Schema
from trackside.api.shapes import ANY_OBJECT, FLAG, GPU, MAYBE_TEXT, NUMBER, TEXT, WHOLE, many, obj
from trackside.compute.usage_report import BY

NODE = obj(
    "name state draining gpus libraries gpu_builds lacking",
    name=TEXT,
    state={"type": "string", "enum": ["online", "suspect", "lost", "draining"]},
    draining=FLAG,
    drain_note=TEXT,
    simulated=FLAG,
    driver=TEXT,
    cuda=TEXT,
    cores=WHOLE,
    cores_free=WHOLE,
    memory_total=WHOLE,
    memory_free=WHOLE,
    heartbeat_age=NUMBER,
    address=TEXT,
    links={"type": "object", "description": "how its cards are connected, by UUID: NV18, PIX, SYS"},
    numa=ANY_OBJECT,
    why_no_gpu={"type": ["object", "null"]},
    gpus=many(GPU),
    libraries={
        "type": ["object", "null"],
        "additionalProperties": TEXT,
        "description": "the version of each that jobs run by there, an extra under its own name; "
        "null: its agent has not told yet",
    },
    gpu_builds={
        **many(TEXT),
        "description": "those of them whose build there knows GPUs, of those that have another one",
    },
    lacking={
        **many(obj("name label install", name=TEXT, label=TEXT, install=TEXT)),
        "description": "the extras that it does not have; `install` is run in Trackside's folder "
        "there, then its agent is started again",
    },
    why_no_own_network={
        **MAYBE_TEXT,
        "description": "why XGBoost's ranks get no closed network there, and so only one learns "
        'unless TRACKSIDE_XGBOOST_RANKS=1 is set; "": they get one; null: its agent has not told',
    },
)
NODES = obj("nodes", nodes=many(NODE))
DRAIN = obj(
    closed=True,
    note={"type": "string", "maxLength": 120, "description": "why; shown on the GPUs page"},
    ask_jobs={"type": "boolean", "description": "ask its jobs to go on elsewhere"},
)
NOTHING = obj(closed=True)
TURN = obj(
    "id position priority reason may_move",
    id=WHOLE,
    title={"type": "string", "description": "hidden for a project that one is not in"},
    user=TEXT,
    project=MAYBE_TEXT,
    kind=TEXT,
    position={"type": "integer", "description": "from 1"},
    priority=WHOLE,
    preemptible=FLAG,
    paused=FLAG,
    since=TEXT,
    reason={"type": "string", "description": "why it waits"},
    wants=ANY_OBJECT,
    wish=TEXT,
    mine=FLAG,
    may_move=FLAG,
)
QUEUE = obj("queue waiting", queue=many(TURN), waiting=WHOLE)
PRIORITY = obj(
    "priority", closed=True, priority={"type": "integer", "minimum": -100, "maximum": 100}
)
PLACE = obj(
    closed=True,
    before={"type": "integer", "description": "the job that it is to stand before"},
    after={"type": "integer", "description": "or the job that it is to stand after"},
)
LINE = obj(
    "label simulated gpu_hours used_hours",
    label={"type": "string", "description": "a day, a user or a project"},
    simulated=FLAG,
    gpu_hours={"type": "number", "description": "allocated; a shared GPU by its share"},
    used_hours={"type": "number", "description": "allocated x utilisation"},
    core_hours={"type": "number"},
    energy_kwh={"type": "number"},
    jobs=WHOLE,
)
USAGE = obj(
    "by since until lines total",
    by={"type": "string", "enum": list(BY)},
    since=TEXT,
    until=TEXT,
    lines=many(LINE),
    total=LINE,
)
QUOTA = obj(
    "user project gpus",
    user={"type": ["string", "null"], "description": "a user name"},
    project={"type": ["string", "null"], "description": "a project's key"},
    gpus={"type": ["integer", "null"], "description": "at once; null: no limit"},
)
SET_QUOTA: Schema = {
    **QUOTA,
    "required": ["gpus"],
    "additionalProperties": False,
    "description": "Of a user, of a project, or, with neither, of each user without one of theirs.",
}
QUOTAS = obj("quotas", quotas=many(QUOTA))
