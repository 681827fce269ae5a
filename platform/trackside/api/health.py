"""GET /health: what the health page shows, for monitoring."""

from typing import Any

from django.http import Http404, HttpRequest

from trackside.api import shapes as s
from trackside.jobs import health

STATE = {"type": "string", "enum": ["ok", "wn", "er"]}
PART = s.obj("name state value note", name=s.TEXT, state=STATE, value=s.TEXT, note=s.TEXT)
NODE = s.obj(
    "name state node_state note",
    name=s.TEXT,
    state=STATE,
    node_state=s.TEXT,
    note=s.TEXT,
    heartbeat={"type": ["number", "null"], "description": "seconds since the last one"},
    clock={"type": ["number", "null"], "description": "seconds ahead of the database"},
    version=s.TEXT,
    epoch=s.WHOLE,
    warm=s.FLAG,
    storage={"type": ["integer", "null"], "description": "bytes free, as seen from there"},
    unheard={"type": ["integer", "null"], "description": "doorbells not taken yet"},
    heard={"type": ["integer", "null"], "description": "seconds since it took one"},
)
DEVICE = s.obj("uuid node state word note", uuid=s.TEXT, node=s.TEXT, state=STATE, word=s.TEXT,
               note=s.TEXT)  # fmt: skip
HEALTH = s.obj(
    "state parts nodes devices",
    state=STATE,
    at=s.TEXT,
    to_do=s.WHOLE,
    parts=s.many(PART),
    nodes=s.many(NODE),
    devices=s.many(DEVICE),
)


def get(request: HttpRequest) -> dict[str, Any]:
    """To all but administrators it is not there."""
    if not getattr(request.user, "is_staff", False):
        raise Http404("There is nothing at this address.")
    return health.look()
