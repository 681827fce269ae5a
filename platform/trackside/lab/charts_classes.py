"""The charts of a classification of rows, from its report. Pure."""

from itertools import pairwise
from typing import Any

from trackside.lab import thresholds
from trackside.lab.drawing import Axis, Chart, axis, number
from trackside.ui import words

Json = dict[str, Any]
SHARE = Axis("Share")
MOST = 5  # classes in one drawing
TENTHS = [n / 10 for n in range(1, 11)]


def figure(
    title: str,
    chart: Chart,
    help_: str,
    head: tuple[str, ...] = (),
    rows: list[list[str]] | None = None,
) -> Json:
    """A card of a page: the drawing, what it means, and its figures as a table."""
    return {
        "title": title, "chart": chart.drawn(), "help": help_, "head": head, "rows": rows or [],
    }  # fmt: skip


def positive(report: Json) -> str:
    return str(report["classes"][1])


def decision(report: Json, at: float) -> list[Json]:
    rows = thresholds.at_all(report)
    chart = Chart("Figures at each threshold", Axis("Threshold"), Axis("Value"))
    for name in ("precision", "recall", "f1", "accuracy"):
        now = thresholds.nearest(rows, at)[name]
        points = [(one["threshold"], one[name]) for one in rows if _defined(name, one)]
        chart.line(thresholds.FIGURES[name][0], points, number(now, 0.001))
    chart.mark(at, f"threshold {at:.2f}")
    names = ("precision", "recall", "f1", "accuracy", "mcc", "fpr")
    return [
        figure(
            "Decision chart",
            chart,
            f"A row is predicted as {positive(report)} when its probability is at or above the "
            "threshold. A higher threshold is surer (precision) and finds less (recall).",
            ("Threshold", *(thresholds.FIGURES[name][0] for name in names)),
            [[f"{one['threshold']:.2f}", *(f"{one[n]:.3f}" for n in names)] for one in rows[::5]],
        )
    ]


def _defined(name: str, row: Json) -> bool:
    """Where nothing is predicted as positive, there is no precision."""
    return name != "precision" or row["tp"] + row["fp"] > 0


def roc(report: Json, at: float, wanted: list[str]) -> list[Json]:
    chart = Chart("ROC curve", Axis("False positive rate"), Axis("True positive rate"))
    lines = _curves(report, "roc", "auc", wanted)
    for name, points, value in lines:
        chart.line(name, points, words.figure(value))
    chart.guide([(0, 0), (1, 1)], "guessing")
    if report.get("thresholds"):
        now = thresholds.nearest(thresholds.at_all(report), at)
        chart.dots([(now["fpr"], now["recall"])])
    return [
        figure(
            "ROC curve",
            chart,
            "Up: the share of a class that is found. To the right: the share of the others that is "
            "taken for it. " + _dot(report),
            ("Class", "Area under the curve"),
            [[name, words.figure(value)] for name, _, value in lines],
        )
    ]


def precision_recall(report: Json, at: float, wanted: list[str]) -> list[Json]:
    chart = Chart("Precision and recall", Axis("Recall"), Axis("Precision"))
    lines = _curves(report, "pr", "ap", wanted)
    for name, points, value in lines:
        chart.line(name, points, words.figure(value))
    if report.get("thresholds"):
        now = thresholds.nearest(thresholds.at_all(report), at)
        chart.dots([(now["recall"], now["precision"])])
        share = (now["tp"] + now["fn"]) / max(1, report["rows"])
        chart.guide([(0, share), (1, share)], "guessing")
    return [
        figure(
            "Precision-recall curve",
            chart,
            "Up: of the rows predicted as a class, the share that belongs to it. To the right: the "
            "share of the class that is found. " + _dot(report),
            ("Class", "Average precision"),
            [[name, words.figure(value)] for name, _, value in lines],
        )
    ]


def _curves(report: Json, which: str, area: str, wanted: list[str]) -> list[Any]:
    """Name, points and area: of the second class of two, or of each class against the others."""
    if report.get(which):
        return [(positive(report), report[which], report.get(area))]
    listed = [one for one in report.get("per_class", []) if one.get(which)]
    shown = [one for one in listed if not wanted or one["name"] in wanted][:MOST]
    return [(one["name"], one[which], one.get(area)) for one in shown]


def _dot(report: Json) -> str:
    return "The dot is the threshold." if report.get("thresholds") else ""


def lift(report: Json, at: float) -> list[Json]:
    found = report["lift"]
    if not found:
        return []
    name = positive(report)
    gains = Chart("Cumulative gain", Axis("Share of the rows"), Axis(f"Share of {name} found"))
    gains.line("Model", found)
    (now, *_) = report["thresholds"]
    share = (now["tp"] + now["fn"]) / max(1, report["rows"])
    gains.guide([(0, 0), (1, 1)], "at random").guide([(0, 0), (share, 1), (1, 1)], "perfect")
    reached = [_at(found, one) for one in TENTHS]
    each = [(one - before) / 0.1 for before, one in zip([0.0, *reached], reached, strict=False)]
    tenths = Chart("Lift by tenth", Axis("Share of the rows"), axis("Lift", [0, 1, *each]))
    tenths.bars([0.0, *TENTHS], each).guide([(0, 1), (1, 1)], "at random")
    rows = [
        [f"{round(100 * share)} %", f"{100 * got:.1f} %", f"{got / share:.2f}", f"{one:.2f}"]
        for share, got, one in zip(TENTHS, reached, each, strict=True)
    ]
    return [
        figure(
            "Cumulative gain",
            gains,
            f"The rows stand in the order of their probability, the highest first. A model that "
            f"finds most of {name} in few rows is near the upper left corner.",
            ("First rows", "Found", "Lift so far", "Lift of this tenth"),
            rows,
        ),
        figure(
            "Lift by tenth of the rows",
            tenths,
            f"How many times more of {name} a tenth of the rows holds than a tenth at random.",
        ),
    ]


def _at(points: list[list[float]], share: float) -> float:
    """The curve's value there, on the straight line between two points."""
    for (x0, y0, *_), (x1, y1, *_) in pairwise(points):
        if x1 >= share - 1e-9:
            part = (share - x0) / (x1 - x0) if x1 > x0 else 1.0
            return float(y0 + (y1 - y0) * min(1.0, max(0.0, part)))
    return 1.0


def calibration(report: Json, at: float) -> list[Json]:
    bins = report["calibration"]
    chart = Chart(
        "Calibration", Axis("Predicted probability"), Axis(f"Share of {positive(report)}")
    )
    chart.line("Model", [(one["predicted"], one["observed"]) for one in bins], dots=True)
    chart.guide([(0, 0), (1, 1)], "perfect")
    rows = [
        [words.figure(one["predicted"]), words.figure(one["observed"]), f"{one['rows']:,}"]
        for one in bins
    ]
    return [
        figure(
            "Calibration curve",
            chart,
            "Where the line is on the diagonal, of the rows with a probability of 0.7 seven in ten "
            f"are {positive(report)}. Below it the probabilities are too high, above it too low. "
            "Ranges with few rows say little.",
            ("Predicted", "Observed", "Rows"),
            rows,
        )
    ]


def density(report: Json, at: float) -> list[Json]:
    edges, counts = report["density"]["edges"], report["density"]["counts"]
    shares = {name: [n / max(1, sum(each)) for n in each] for name, each in counts.items()}
    top = axis("Share of the class", [0.0, *(n for each in shares.values() for n in each)])
    chart = Chart("Density of the probability", Axis("Predicted probability"), top)
    for place, (name, each) in enumerate(shares.items()):
        chart.bars(edges, each, f"a{place}")
        points = [
            point for k, one in enumerate(each) for point in ((edges[k], one), (edges[k + 1], one))
        ]
        chart.line(name, points, f"{sum(counts[name]):,} rows")
    chart.mark(at, f"threshold {at:.2f}")
    rows = [
        [f"{edges[k]:.2f} to {edges[k + 1]:.2f}", *(f"{each[k]:,}" for each in counts.values())]
        for k in range(len(edges) - 1)
    ]
    return [
        figure(
            "Density",
            chart,
            "How the probabilities of each class are spread. The less they overlap, the better "
            "the model tells the classes apart.",
            ("Probability", *(f"Rows of {name}" for name in counts)),
            rows,
        )
    ]
