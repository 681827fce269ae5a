"""What may spoil a training, seen in the data and the design before it starts. Pure."""

from dataclasses import dataclass
from typing import Any

from trackside.lab.design import Design, splits_of

FEW = 50  # pictures of a class that make a class hard to learn
SKEWED = 10  # times as many of the largest class as of the smallest
MANY_DUPLICATES = 0.02


@dataclass(frozen=True)
class Finding:
    level: str  # wn or info
    title: str
    text: str
    tab: str = ""  # of the design, where it can be changed


def findings(design: Design, facts: dict[str, Any], duplicates: int = 0) -> list[Finding]:
    """Warnings first."""
    classes = [one for one in facts.get("classes") or [] if one.get("count")]
    found = [
        *_few(classes),
        *_skewed(classes, design),
        *_split(design, facts),
        *_duplicates(duplicates, int(facts.get("images") or 0)),
        *_metric(design, classes),
    ]
    return sorted(found, key=lambda one: one.level != "wn")


def _few(classes: list[dict[str, Any]]) -> list[Finding]:
    few = [one for one in classes if one["count"] < FEW]
    if not few:
        return []
    named = ", ".join(f"{one['name']} ({one['count']})" for one in few[:5])
    more = f" and {len(few) - 5} more" if len(few) > 5 else ""
    title = f"{len(few)} {'class has' if len(few) == 1 else 'classes have'} under {FEW} pictures"
    text = f"{named}{more}. Its score on them will vary a lot; more pictures help most."
    return [Finding("wn", title, text, "target")]


def _skewed(classes: list[dict[str, Any]], design: Design) -> list[Finding]:
    if len(classes) < 2:
        return []
    by_count = sorted(classes, key=lambda one: one["count"])
    least, most = by_count[0], by_count[-1]
    if most["count"] < SKEWED * least["count"] or design["training"].get("balance_classes"):
        return []
    times = round(most["count"] / least["count"])
    text = (
        f"{most['name']} has {times} times as many pictures as {least['name']}. Try 'Balance the "
        "classes' and a metric such as F1, in which each class counts the same."
    )
    return [Finding("wn", "The classes are very uneven", text, "training")]


def _split(design: Design, facts: dict[str, Any]) -> list[Finding]:
    if design["split"].get("policy") != "folders":
        return []
    parts = splits_of(facts)
    if not parts:
        text = "The dataset names no parts, so that they are drawn at random with your seed."
        return [Finding("info", "Validation pictures are drawn at random", text, "split")]
    if "val" not in parts:
        text = "Validation pictures are taken out of the training pictures at random."
        return [Finding("info", "The dataset has no validation part", text, "split")]
    if parts["val"] < 50:
        text = f"Only {parts['val']} pictures judge the model: one more hit moves its score by "
        text += f"{100 / parts['val']:.1f} points."
        return [Finding("wn", "Few validation pictures", text, "split")]
    return []


def _duplicates(duplicates: int, images: int) -> list[Finding]:
    if not duplicates or duplicates < MANY_DUPLICATES * images:
        return []
    text = (
        f"The import noted {duplicates} pictures that are there twice. One in both parts makes "
        "the score look better than it is."
    )
    return [Finding("wn", "Pictures are there twice", text, "split")]


def _metric(design: Design, classes: list[dict[str, Any]]) -> list[Finding]:
    if design["metric"] != "accuracy" or len(classes) < 2:
        return []
    total = sum(one["count"] for one in classes)
    most = max(classes, key=lambda one: one["count"])
    if most["count"] < 0.8 * total:
        return []
    text = f"Always saying {most['name']} would reach {most['count'] / total:.0%}."
    return [Finding("info", "Accuracy says little here", text, "metrics")]
