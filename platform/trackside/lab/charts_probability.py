"""What a class's probability says: lift, calibration, density. Of the second class of two, or of
each of several against the others. Pure."""

from itertools import pairwise

from trackside.lab.charts_classes import Json, each_class, figure, positive
from trackside.lab.drawing import Axis, Chart, axis
from trackside.ui import words

TENTHS = [n / 10 for n in range(1, 11)]
Found = list[tuple[str, Json]]  # the name of a class, and what the report has of it


def lift(report: Json, at: float, wanted: list[str]) -> list[Json]:
    found = each_class(report, "lift", wanted)
    if not found:
        return []
    name, several = _name(found), len(found) > 1
    gains = Chart("Cumulative gain", Axis("Share of the rows"), Axis(f"Share of {name} found"))
    for each, held in found:
        gains.line(each if several else "Model", held["lift"])
    gains.guide([(0, 0), (1, 1)], "at random")
    if not several:
        gains.guide([(0, 0), (_share(report, found[0][1]), 1), (1, 1)], "perfect")
    reached = [(each, [_at(held["lift"], one) for one in TENTHS]) for each, held in found]
    rows = [
        [*([each] if several else []), *row] for each, shares in reached for row in _gained(shares)
    ]
    return [
        figure(
            "Cumulative gain",
            gains,
            f"The rows stand in the order of their probability, the highest first. A model that "
            f"finds most of {name} in few rows is near the upper left corner.",
            (*_class(found), "First rows", "Found", "Lift so far", "Lift of this tenth"),
            rows,
        ),
        figure(
            "Lift by tenth of the rows",
            _tenths([(each, _lifts(shares)) for each, shares in reached]),
            f"How many times more of {name} a tenth of the rows holds than a tenth at random.",
        ),
    ]


def _name(found: Found) -> str:
    return found[0][0] if len(found) == 1 else "a class"


def _class(found: Found) -> tuple[str, ...]:
    """The head of the column that tells several classes apart."""
    return ("Class",) if len(found) > 1 else ()


def _share(report: Json, held: Json) -> float:
    """Of the rows that belong to the class."""
    if "support" in held:
        return float(held["support"] / max(1, report["rows"]))
    now = report["thresholds"][0]
    return float((now["tp"] + now["fn"]) / max(1, report["rows"]))


def _lifts(reached: list[float]) -> list[float]:
    return [(one - before) / 0.1 for before, one in zip([0.0, *reached], reached, strict=False)]


def _gained(reached: list[float]) -> list[list[str]]:
    return [
        [f"{round(100 * share)} %", f"{100 * got:.1f} %", f"{got / share:.2f}", f"{one:.2f}"]
        for share, got, one in zip(TENTHS, reached, _lifts(reached), strict=True)
    ]


def _tenths(found: list[tuple[str, list[float]]]) -> Chart:
    """Bars of one class; lines of several, that would hide each other."""
    top = axis("Lift", [0, 1, *(one for _, each in found for one in each)])
    chart = Chart("Lift by tenth", Axis("Share of the rows"), top)
    chart.guide([(0, 1), (1, 1)], "at random")
    if len(found) == 1:
        return chart.bars([0.0, *TENTHS], found[0][1])
    for name, each in found:
        places = [share - 0.05 for share in TENTHS]
        chart.line(name, list(zip(places, each, strict=True)), dots=True)
    return chart


def _at(points: list[list[float]], share: float) -> float:
    """The curve's value there, on the straight line between two points."""
    for (x0, y0, *_), (x1, y1, *_) in pairwise(points):
        if x1 >= share - 1e-9:
            part = (share - x0) / (x1 - x0) if x1 > x0 else 1.0
            return float(y0 + (y1 - y0) * min(1.0, max(0.0, part)))
    return 1.0


def calibration(report: Json, at: float, wanted: list[str]) -> list[Json]:
    found = each_class(report, "calibration", wanted)
    if not found:
        return []
    name, several = _name(found), len(found) > 1
    chart = Chart("Calibration", Axis("Predicted probability"), Axis(f"Share of {name}"))
    rows = []
    for each, held in found:
        points = [(one["predicted"], one["observed"]) for one in held["calibration"]]
        chart.line(each if several else "Model", points, dots=True)
        rows += [
            [*([each] if several else []), words.figure(one["predicted"]),
             words.figure(one["observed"]), f"{one['rows']:,}"]
            for one in held["calibration"]
        ]  # fmt: skip
    chart.guide([(0, 0), (1, 1)], "perfect")
    are = "belong to the class" if several else f"are {name}"
    return [
        figure(
            "Calibration curve",
            chart,
            "Where the line is on the diagonal, of the rows with a probability of 0.7 seven in ten "
            f"{are}. Below it the probabilities are too high, above it too low. "
            "Ranges with few rows say little.",
            (*_class(found), "Predicted", "Observed", "Rows"),
            rows,
        )
    ]


def density(report: Json, at: float, wanted: list[str]) -> list[Json]:
    """A drawing a class: each has its own probability."""
    if report.get("density"):
        held, name = report["density"], positive(report)
        return [_spread("Density", name, held["edges"], list(held["counts"].items()), at)]
    return [
        _spread(
            f"Density of {name}",
            name,
            held["density"]["edges"],
            [("all others", held["density"]["others"]), (name, held["density"]["own"])],
        )
        for name, held in each_class(report, "density", wanted)
    ]


def _spread(
    title: str,
    of: str,
    edges: list[float],
    counts: list[tuple[str, list[int]]],
    at: float | None = None,
) -> Json:
    shares = [(name, [n / max(1, sum(each)) for n in each]) for name, each in counts]
    top = axis("Share of the class", [0.0, *(n for _, each in shares for n in each)])
    chart = Chart("Density of the probability", Axis(f"Predicted probability of {of}"), top)
    for place, (name, each) in enumerate(shares):
        chart.bars(edges, each, f"a{place}")
        points = [
            point for k, one in enumerate(each) for point in ((edges[k], one), (edges[k + 1], one))
        ]
        chart.line(name, points, f"{sum(counts[place][1]):,} rows")
    if at is not None:
        chart.mark(at, f"threshold {at:.2f}")
    rows = [
        [f"{edges[k]:.2f} to {edges[k + 1]:.2f}", *(f"{each[k]:,}" for _, each in counts)]
        for k in range(len(edges) - 1)
    ]
    return figure(
        title,
        chart,
        "How the probabilities of each class are spread. The less they overlap, the better "
        "the model tells the classes apart.",
        ("Probability", *(f"Rows of {name}" for name, _ in counts)),
        rows,
    )
