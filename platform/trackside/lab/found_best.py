"""What a search has found, as the model's row keeps it: the best params and how it ended."""

from typing import Any

from trackside.lab import reports
from trackside.lab.kept import bundle_of
from trackside.lab.models import TrainedModel
from trackside.saved_models.bundles import about

Json = dict[str, Any]


def of(model: TrainedModel) -> tuple[Json, Json]:
    """The params that the bundle was trained with, and `search` with what came of it."""
    told = reports.read(bundle_of(model)).get("search") or {}
    params = about(bundle_of(model)).get("params") or model.params
    tried = told.get("trials") or []
    came = {
        "done": len(tried),
        "failed": sum(one.get("state") == "failed" for one in tried),
        "best": told.get("best"),
        "stopped": told.get("stopped", ""),
    }
    return params, {**model.search, **came}
