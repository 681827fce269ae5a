"""The curves of several models in one drawing each. Pure."""

from typing import Any

from trackside.lab.charts_classes import figure, positive
from trackside.lab.drawing import Axis, Chart, axis, number
from trackside.lab.entrants import Entrant

Json = dict[str, Any]


def charts(found: list[Entrant], wanted: str = "") -> list[Json]:
    """What the reports of all have. `wanted`: the class that is looked at."""
    drawn = [draw(found, wanted) for draw in (_roc, _pr, _calibration, _lift)]
    drawn += [_residuals(found), _deciles(found), _loss(found)]
    return [one for one in drawn if one]


def classes(found: list[Entrant]) -> list[str]:
    """The classes of which there is a curve each; none for two classes, or values."""
    listed = [one["name"] for one in found[0].report.get("per_class") or [] if one.get("roc")]
    return listed if not found[0].report.get("roc") else []


def _of_class(one: Entrant, which: str, area: str, wanted: str) -> tuple[Any, Any]:
    if one.report.get(which):
        return one.report[which], one.report.get(area)
    listed = [each for each in one.report.get("per_class") or [] if each.get(which)]
    found = next((each for each in listed if each["name"] == wanted), None)
    return (found[which], found.get(area)) if found else ([], None)


def _curves(found: list[Entrant], which: str, area: str, wanted: str) -> list[Any]:
    name = _shown(found, wanted)
    each = [(one.title, *_of_class(one, which, area, name)) for one in found]
    return each if any(points for _, points, _ in each) else []


def _shown(found: list[Entrant], wanted: str) -> str:
    """The class whose curves are drawn; "" of two classes."""
    known = classes(found)
    return wanted if wanted in known else (known or [""])[0]


def _title(found: list[Entrant], title: str, wanted: str) -> str:
    name = _shown(found, wanted)
    return f"{title}, {name}" if name else title


def _roc(found: list[Entrant], wanted: str) -> Json:
    lines = _curves(found, "roc", "auc", wanted)
    chart = Chart("ROC curves", Axis("False positive rate"), Axis("True positive rate"))
    for name, points, value in lines:
        chart.line(name, points, number(value, 0.001))
    chart.guide([(0, 0), (1, 1)], "guessing")
    rows = [[name, number(value, 0.001)] for name, _, value in lines]
    help_ = "The nearer to the upper left corner, the better. Where lines cross, which model is "
    help_ += "better depends on how many false alarms are allowed."
    title = _title(found, "ROC curve", wanted)
    return figure(title, chart, help_, ("Model", "Area under the curve"), rows) if lines else {}


def _pr(found: list[Entrant], wanted: str) -> Json:
    lines = _curves(found, "pr", "ap", wanted)
    chart = Chart("Precision-recall curves", Axis("Recall"), Axis("Precision"))
    for name, points, value in lines:
        chart.line(name, points, number(value, 0.001))
    rows = [[name, number(value, 0.001)] for name, _, value in lines]
    title = _title(found, "Precision-recall curve", wanted)
    help_ = "The nearer to the upper right corner, the better."
    return figure(title, chart, help_, ("Model", "Average precision"), rows) if lines else {}


def _calibration(found: list[Entrant], wanted: str) -> Json:
    lines = _curves(found, "calibration", "", wanted)
    chart = Chart("Calibration", Axis("Predicted probability"), Axis("Observed share"))
    for name, bins, _ in lines:
        chart.line(name, [(one["predicted"], one["observed"]) for one in bins], dots=True)
    chart.guide([(0, 0), (1, 1)], "perfect")
    title = _title(found, "Calibration curve", wanted)
    help_ = "On the dashed line probabilities can be taken at their word."
    return figure(title, chart, help_) if lines else {}


def _lift(found: list[Entrant], wanted: str) -> Json:
    lines = _curves(found, "lift", "", wanted)
    if not lines:
        return {}
    name = _shown(found, wanted) or positive(found[0].report)
    chart = Chart("Cumulative gain", Axis("Share of the rows"), Axis(f"Share of {name} found"))
    for model, points, _ in lines:
        chart.line(model, points)
    chart.guide([(0, 0), (1, 1)], "at random")
    help_ = f"The rows in the order of their probability of {name}, the highest first: how many "
    title = _title(found, "Cumulative gain", wanted)
    return figure(title, chart, f"{help_}of {name} are found so far.")


def _residuals(found: list[Entrant]) -> Json:
    held = [(one, one.report["residuals"]) for one in found if one.report.get("residuals")]
    if not held:
        return {}
    steps = {one.key: _density(each["edges"], each["counts"]) for one, each in held}
    flat = [point for each in steps.values() for point in each]
    chart = Chart(
        "How often which error occurs",
        axis("Prediction minus truth", [x for x, _ in flat]),
        axis("Share of the rows per unit", [0.0, *(y for _, y in flat)]),
    )
    for one, _ in held:
        chart.line(one.title, steps[one.key])
    chart.mark(0, "exact")
    return figure("Residuals", chart, "The narrower around 0, the better.")


def _density(edges: list[float], counts: list[int]) -> list[tuple[float, float]]:
    """A stair of the histogram whose area is 1, so that models can lie over each other."""
    total = sum(counts) or 1
    found = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        height = count / total / ((high - low) or 1.0)
        found += [(low, height), (high, height)]
    return found


def _deciles(found: list[Entrant]) -> Json:
    held = [(one, one.report["deciles"]) for one in found if one.report.get("deciles")]
    if not held:
        return {}
    maes = [each["mae"] for _, tenths in held for each in tenths]
    most = max(len(tenths) for _, tenths in held)
    texts = tuple((float(k), str(k + 1)) for k in range(most))
    place = Axis("Tenth of the rows, by their true value", -0.5, most - 0.5, texts)
    chart = Chart("Error of each tenth", place, axis("Mean absolute error", [0.0, *maes]))
    for one, tenths in held:
        chart.line(one.title, [(k, each["mae"]) for k, each in enumerate(tenths)], dots=True)
    return figure("Error by decile", chart, "Which model misjudges small values, which large ones.")


def _loss(found: list[Entrant]) -> Json:
    held = [(one, _losses(one)) for one in found]
    held = [(one, points) for one, points in held if len(points) > 1]
    if not held:
        return {}
    flat = [point for _, points in held for point in points]
    name = " or ".join(sorted({one.unit for one, _ in held})).capitalize()
    chart = Chart(
        "Validation loss", axis(name, [x for x, _ in flat]), axis("Loss", [y for _, y in flat])
    )
    for one, points in held:
        chart.line(one.title, points, number(points[-1][1]))
    help_ = "The validation loss while they learned. Only losses of the same kind are comparable; "
    return figure("Loss", chart, f"{help_}what learns in one go has none.")


def _losses(one: Entrant) -> list[tuple[float, float]]:
    history = one.report.get("history") or []
    return [
        (float(each.get("round") or each.get("epoch") or 0), float(each["val_loss"]))
        for each in history
        if each.get("val_loss") is not None and (each.get("round") or each.get("epoch"))
    ]
