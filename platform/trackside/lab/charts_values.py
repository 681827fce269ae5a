"""The charts of a regression, and what a model looks at: importance, partial dependence. Pure."""

from datetime import datetime
from typing import Any

from trackside.lab.charts_classes import figure
from trackside.lab.drawing import Axis, Chart, axis, number

Json = dict[str, Any]
LEFT_OUT = {  # why a column has no partial dependence
    "text": "of text, whose values have no order",
    "empty": "without a value in the rows that were drawn",
    "many": "less important, and more than a report holds",
    "slow": "less important, which would have taken too long",
}


def scatter(report: Json, target: str) -> list[Json]:
    points = report["scatter"]
    both = [value for point in points for value in point]
    ends = axis("", both)
    true, given = (Axis(f"{word} {target}", ends.low, ends.high) for word in ("True", "Predicted"))
    chart = Chart(f"Predicted against true values of {len(points):,} rows", true, given)
    chart.guide([(ends.low, ends.low), (ends.high, ends.high)], "perfect").dots(points)
    some = f"{len(points):,} of {report['rows']:,} rows, drawn at random. "
    return [
        figure(
            "Predicted against true",
            chart,
            (some if len(points) < report["rows"] else "")
            + "On the dashed line a prediction is exact; above it it is too high.",
        )
    ]


def residuals(report: Json, target: str) -> list[Json]:
    edges, counts = report["residuals"]["edges"], report["residuals"]["counts"]
    error = axis("Prediction minus truth", [*edges, 0.0])
    chart = Chart("How often which error occurs", error, axis("Rows", [0, *counts]))
    chart.bars(edges, counts).mark(0, "exact")
    ends = zip(edges, edges[1:], counts, strict=False)
    rows = [[f"{number(low)} to {number(high)}", f"{count:,}"] for low, high, count in ends]
    return [
        figure(
            "Residuals",
            chart,
            "A model without a leaning has as many errors on the left as on the right of 0. A long "
            "tail on one side are rows that it misjudges badly.",
            ("Prediction minus truth", "Rows"),
            rows,
        )
    ]


def deciles(report: Json, target: str) -> list[Json]:
    tenths = report["deciles"]
    maes = [one["mae"] for one in tenths]
    texts = tuple((k + 0.5, str(k + 1)) for k in range(len(tenths)))
    place = Axis(f"Tenth of the rows, by their true {target}", 0, len(tenths), texts)
    chart = Chart(
        "Mean absolute error of each tenth", place, axis("Mean absolute error", [0, *maes])
    )
    chart.bars(list(range(len(tenths) + 1)), maes)
    rows = [
        [
            str(k + 1),
            f"{number(one['from'])} to {number(one['to'])}",
            f"{one['rows']:,}",
            *(number(one[name]) for name in ("true", "predicted", "mae")),
        ]
        for k, one in enumerate(tenths)
    ]
    return [
        figure(
            "Error by decile",
            chart,
            f"The rows in ten parts of the same size, by their true {target}. It shows whether "
            "small or large values are predicted worse.",
            ("Part", "True values", "Rows", "Mean true", "Mean predicted", "Mean abs. error"),
            rows,
        )
    ]


def rounds(report: Json, best: int | None, unit: str) -> list[Json]:
    """The losses over what the algorithm counts: rounds of a boosting, epochs, trees."""
    history = [one for one in report["history"] if _round(one)]
    if len(history) < 2:
        return []
    names = (("Train loss", "train_loss"), ("Validation loss", "val_loss"))
    known = [one[key] for _, key in names for one in history if one.get(key) is not None]
    what = unit.capitalize()
    place = axis(what, [_round(one) for one in history])
    chart = Chart(f"Loss by {what.lower()}", place, axis("Loss", known))
    for name, key in names:
        points = [(_round(one), one.get(key)) for one in history if one.get(key) is not None]
        if points:
            chart.line(name, points, number(points[-1][1], 0.0001))
    if best:
        chart.mark(best, f"{what.lower()} {best} is kept")
    whole = [one for one in history if all(one.get(key) is not None for _, key in names)] or history
    few = whole[:: max(1, len(whole) // 50)]
    return [
        figure(
            "Loss",
            chart,
            "Where the validation loss rises while the train loss falls on, the model begins to "
            "learn its rows by heart.",
            (what, *(name for name, _ in names)),
            [[str(_round(one)), *(number(one.get(key)) for _, key in names)] for one in few],
        )
    ]


def _round(one: Json) -> int:
    """Of a boosting, or the pass over the rows of what learns by epochs; 0: neither."""
    return int(one.get("round") or one.get("epoch") or 0)


def partial(report: Json, target: str, wanted: str) -> list[Json]:
    """How the mean prediction moves with the values of one column."""
    listed = report["partial"]
    one = next((one for one in listed if one["name"] == wanted), listed[0] if listed else None)
    if one is None:
        return []
    series = _series(report, target)
    means = [[_mean(point["mean"], at) for point in one["points"]] for _, at in series]
    x, places = _places(one)
    flat = [value for each in means for value in each]
    apart = len(series) == 1 and x.texts != () and _times(one) is None
    y = axis(f"Mean {target}", flat, zero=apart)
    y = Axis("Mean probability") if report.get("classes") else y
    chart = Chart(f"Mean prediction by {one['name']}", x, y)
    for (name, _), each in zip(series, means, strict=True):
        if apart:
            chart.bars([place - 0.5 for place in (*places, len(places))], each)
        else:
            chart.line(name, list(zip(places, each, strict=True)), dots=True)
    rows = [
        [_text(point["value"]), *(number(each[k], 0.001) for each in means)]
        for k, point in enumerate(one["points"])
    ]
    return [
        figure(
            one["name"],
            chart,
            f"Some rows get each of these values of {one['name']} in turn, all else stays: the "
            "mean of what is predicted then. Where columns go together, the rows may be ones that "
            "never occur.",
            (one["name"], *(name for name, _ in series)),
            rows,
        )
    ]


def which(report: Json) -> str:
    """The columns that have a partial dependence, and why others have none."""
    count, left = len(report["partial"]), report.get("partial_left_out")
    if left is None:  # a report of before, that had ten at most
        return f"the {count} most important ones"
    if not left:
        return f"all {count}, the most important first"
    whys = "; ".join(f"{left[why]:,} {said}" for why, said in LEFT_OUT.items() if left.get(why))
    whole = count + sum(left.values())
    return f"{count} of {whole:,} columns, the most important first. Left out: {whys}."


def _series(report: Json, target: str) -> list[tuple[str, int | None]]:
    """What is predicted: a value, the second class of two, or the first few classes."""
    classes = report.get("classes") or []
    if not classes:
        return [(target, None)]
    if len(classes) == 2:
        return [(str(classes[1]), 1)]
    return [(str(name), place) for place, name in enumerate(classes[:5])]


def _mean(mean: Any, place: int | None) -> float | None:
    value = mean[place] if isinstance(mean, list) and place is not None else mean
    return None if value is None else float(value)


def _places(one: Json) -> tuple[Axis, list[float]]:
    """Where the values stand: numbers and times to scale, all others side by side."""
    values = [point["value"] for point in one["points"]]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return axis(one["name"], values), [float(value) for value in values]
    times = _times(one)
    places = times or [float(place) for place in range(len(values))]
    shown = sorted({0, len(values) // 2, len(values) - 1}) if times else _few(values)
    texts = tuple((places[k], _short(_text(values[k]))) for k in shown)
    room = 0.0 if times else 0.5
    return Axis(one["name"], places[0] - room, places[-1] + room, texts), places


def _times(one: Json) -> list[float] | None:
    """Seconds since the first value; None where the values are no times."""
    if one.get("type") != "datetime":
        return None
    try:
        found = [datetime.fromisoformat(str(point["value"])) for point in one["points"]]
    except ValueError:
        return None
    return [(each - found[0]).total_seconds() for each in found]


def _few(values: list[Any]) -> range:
    """Labels that have room beside each other; the table has all."""
    longest = max(len(_short(_text(one))) for one in values)
    return range(0, len(values), max(1, -(-len(values) * (longest + 1) // 80)))


def _short(text: str) -> str:
    return text if len(text) <= 12 else f"{text[:11]}\u2026"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value).removesuffix(" 00:00:00")
