"""What a saved model's page says of scoring engines: what was compared, what could be; and of the
training: what it found when it read the saved model back, and on which GPU NVML saw it."""

from pathlib import Path
from typing import Any

from django.conf import settings

from recipes.tasks import data_of
from trackside.jobs import engines
from trackside.jobs.kinds import card_of
from trackside.saved_models import bundles
from trackside.saved_models.models import SavedModel, Version


def shown(model: SavedModel, versions: list[Version], asked: str) -> dict[str, Any]:
    """Of the version that is asked for, else of the active one; {} where nothing is to be said."""
    one = next((each for each in versions if str(each.number) == asked), None)
    one = one or next((each for each in versions if each.active), None)
    if one is None or data_of(model.task) != "table":
        return {}
    about = bundles.about(Path(settings.TRACKSIDE_STORAGE) / one.bundle)
    card = card_of(about)
    tried = {each["engine"] for each in one.parity}
    takers = engines.of(card.name) if card else []
    lack = engines.lacking(takers)
    return {
        "version": one,
        "proof": one.facts.get("proof"),
        "nvml": one.facts.get("nvml"),
        "others": [each.number for each in versions if each != one and _told(each)],
        "lines": engines.lines(one.parity),
        "untried": [
            {"label": each.label, "help": each.help, "lacking": lack.get(each.name, "")}
            for each in takers
            if each.name not in tried
        ],
        "label": card.label if card else "",
        "on_gpu": card is not None and card.scores_on_gpu,
    }


def _told(version: Version) -> bool:
    return bool(version.parity or version.facts.get("proof"))
