"""What evaluations of pictures and of rows have in common: the document and what it counts."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipes.data.listing import BadData
from recipes.engine import drifted
from recipes.engine.metrics import Floats
from recipes.events import finite
from recipes.tasks import TASKS

Json = dict[str, Any]
FILE = "evaluation.json"
NAMED, MOST = 50, 10_000  # unknown classes that are named, that are counted
LONGEST = 100  # characters of one
OLD = (
    "The model was trained before Trackside kept what a model learned from: the drift of the data "
    "is unknown. Train it again to see it."
)


class LeftOut:
    """Why things were not judged, and how many for each reason."""

    def __init__(self) -> None:
        self._why: Counter[str] = Counter()
        self._strange: Counter[str] = Counter()
        self._many = False

    def add(self, why: str, count: int = 1) -> None:
        if count:
            self._why[why] += count

    def strange(self, classes: Iterable[str]) -> None:
        """Classes that the model does not know, one a row."""
        found = Counter(one[:LONGEST] for one in classes)
        self._strange += found
        self.add("the model does not know the class", found.total())
        if len(self._strange) > MOST:  # the column holds something else than classes
            self._strange = Counter(dict(self._strange.most_common(NAMED)))
            self._many = True

    def told(self) -> Json:
        return {
            "left_out": [{"why": why, "rows": n} for why, n in self._why.most_common()],
            "unknown": {
                "count": None if self._many else len(self._strange),
                "classes": [
                    {"name": name, "rows": n} for name, n in self._strange.most_common(NAMED)
                ],
            },
        }

    def sentences(self, things: str) -> list[str]:
        """What the journal notes."""
        made = [f"{n:,} {things} are not judged: {why}." for why, n in self._why.most_common()]
        if self._strange:
            some = ", ".join(repr(one) for one, _ in self._strange.most_common(10))
            made.append(f"Classes that the model does not know: {some}.")
        return made

    def nothing(self, things: str) -> BadData:
        """Why nothing can be judged."""
        whole = " ".join(self.sentences(things)) or "The dataset is empty."
        return BadData(f"None of the {things} can be judged. {whole}")


def about(model: Json) -> Json:
    """What is said of the model: its task, and how good it was in its training."""
    task, classes = TASKS[model["task"]], model.get("classes") or []
    return {
        "task": task.name,
        "trained": {
            "metric": model["metric"],
            "metrics": model["metrics"],
            "test_metrics": model.get("test_metrics"),
            "fingerprint": model.get("fingerprint"),
        },
        "definitions": {n: one.of(classes).definition for n, one in task.metrics.items()},
    }


def moved_classes(name: str, before: Iterable[str], now: Iterable[str]) -> list[Json]:
    """A drift of labels as a list of one entry, or none where a side has no rows."""
    found = drifted.categories(before, now)
    return [{"name": name, "kind": "category", **found}] if found else []


def moved_numbers(name: str, before: Floats, now: Floats) -> list[Json]:
    found = drifted.numbers(before, now)
    return [{"name": name, "kind": "numeric", **found}] if found else []


def summary(drift: Json) -> Json:
    """The drift in a few figures, for a history: who moved, how much."""
    data = drift.get("data") or {}
    moved = [one for one in data.get("columns", []) if one["strength"] != "none"]
    return {
        "columns": len(data.get("columns", [])),
        "moved": [{key: one[key] for key in ("name", "psi", "strength")} for one in moved[:20]],
        "moved_count": len(moved),
        "strong_count": sum(one["strength"] == "strong" for one in moved),
        "classifier": data.get("classifier"),
        "prediction": [
            {key: one[key] for key in ("name", "psi", "strength")} for one in drift["prediction"]
        ],
    }


def sentences(drift: Json) -> list[str]:
    """What the journal notes of a drift."""
    data = drift.get("data") or {}
    moved = [one["name"] for one in data.get("columns", []) if one["strength"] != "none"]
    made = []
    if moved:
        some = ", ".join(map(repr, moved[:10])) + (" ..." if len(moved) > 10 else "")
        made.append(f"The data have moved from those of the training: {some}.")
    return made + ([drift["why"]] if drift.get("why") else [])


def finished(folder: Path, model: Json, made: Json) -> Json:
    """What the journal's last line says of the document `made`."""
    return {
        "evaluation": str(folder / FILE),
        "metric": model["metric"],
        "score": made["metrics"].get(model["metric"]),
        "metrics": made["metrics"],
        "trained": model["metrics"],
        **{name: made[name] for name in ("judged", "of", "left_out", "unknown")},
        "drift": summary(made["drift"]),
    }


def write(folder: Path, made: Json) -> Json:
    """`evaluation.json`, whole or not at all; what was written."""
    cleaned: Json = finite(made)
    draft = folder / f".{FILE}"
    draft.write_text(json.dumps(cleaned, allow_nan=False))
    draft.replace(folder / FILE)
    return cleaned
