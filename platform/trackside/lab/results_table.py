"""The tabs of a model of a table: one is there if its part of the report is."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from recipes.features import HANDLING
from recipes.tasks.table_split import sampled
from trackside.lab import (
    charts_classes,
    charts_probability,
    charts_values,
    explain_pages,
    predicted,
    reports,
    search_results,
    thresholds,
)
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant
from trackside.lab.labels import learned_in_words, param_text
from trackside.lab.learning_curve import learning
from trackside.lab.results import Json, Tab, figures, threshold_of

SHOWN = 60  # columns of importance
HANDLED = ("type", "missing", "encoding", "scaling")
BY = (
    ("permutation", "By permutation"),
    ("model", "By the model"),
    ("shap", "By SHAP"),
)


def _summary(request: HttpRequest, model: Entrant, report: Json) -> Json:
    return {
        "sentence": sentence(report),
        "pairs": reports.confused(report) if report.get("confusion") else [],
        "figures": figures(model, report)[:4],
        "top": _ranked(report, "permutation")[:5],
        "target": model.target,
        "sampled": sampled(**drawn) if (drawn := model.facts.get("sample")) else "",
        "tested": tested(report),
    }


def tested(report: Json) -> str:
    """`200,000 of 20,000,000 rows, drawn at random, of later`; "" without a second dataset."""
    test = report.get("test") or {}
    if not test.get("dataset"):
        return ""
    some = f"{sampled(**test['sample'])}," if test.get("sample") else f"{test['rows']:,} rows"
    return f"{some} of {test['dataset']}"


def sentence(report: Json) -> str:
    """How good it is, in words."""
    if report.get("confusion"):
        return reports.summary(report, "rows", "row")
    told = report["metrics"]
    if told.get("mae") is None:
        return "No row was judged."
    text = f"On average a prediction is {number(told['mae'])} off."
    if told.get("r2") is not None:
        text += f" The model explains {100 * told['r2']:.1f} % of the variance."
    return text


def _training(request: HttpRequest, model: Entrant, report: Json) -> Json:
    told = model.told
    types = {one["name"]: one["type"] for one in told.get("columns", [])}
    handled = told.get("features") or {}
    columns = [
        {
            "name": name,
            "kept_as": types.get(name),
            "role": one.get("role"),
            "why": one.get("why"),
            "words": _in_words(one),
        }
        for name, one in handled.items()
    ]
    learned = learned_in_words(model.facts, model.unit)
    return {"handled": columns, "learned": learned}


def _in_words(handling: Json) -> list[str]:
    """How a column is handled, by the labels of its card; a dash where a choice is idle."""
    fields = {one.name: one for one in HANDLING.fields}
    used = {one.name for one in HANDLING.in_use(handling)}
    return [
        param_text(fields[name], handling.get(name)) if name in used else "\u2013"
        for name in HANDLED
    ]


def _curves(request: HttpRequest, model: Entrant, report: Json) -> Json:
    drawn = charts_values.rounds(report, model.facts.get("best_epoch"), model.unit)
    return {"drawings": drawn, "alone": not drawn}


def _metrics(request: HttpRequest, model: Entrant, report: Json) -> Json:
    test = (report.get("test") or {}).get("metrics") or {}
    folds = dict(report.get("folds") or {})
    if folds and report.get("own") != report.get("threshold"):  # each judged at its own
        folds |= dict.fromkeys(thresholds.MOVED, None)
    return {
        "figures": [
            {**one, "test": test.get(one["card"].name), "fold": folds.get(one["card"].name)}
            for one in figures(model, report)
        ],
        "tested": bool(test),
        "crossed": bool(folds),
        "per_class": report.get("per_class", []),
    }


def _confusion(request: HttpRequest, model: Entrant, report: Json) -> Json:
    mode = reports.mode_of(request.GET.get("mode"))
    found: Json = {"mode": mode, "modes": reports.MODES, "sentence": sentence(report)}
    if not report.get("thresholds"):
        return {**found, "rows": reports.confusion(report, mode)}
    rows = thresholds.at_all(report)
    now = thresholds.nearest(rows, threshold_of(request, report))
    gains = {
        name: thresholds.asked(request.GET.get(name), usual)
        for name, usual in thresholds.GAINS.items()
    }
    matrix = {**report, "confusion": [[now["tn"], now["fp"]], [now["fn"], now["tp"]]]}
    return {
        **found,
        "rows": reports.confusion(matrix, mode),
        "now": now,
        "shown": [
            {"name": name, "label": label, "text": text, "value": number(now[name], 0.001)}
            for name, (label, text) in thresholds.FIGURES.items()
        ],
        "gains": _gains(report, now, gains),
        "gain": number(thresholds.gain(now, gains)),
        "best": thresholds.best(rows, gains)["threshold"],
        "by_threshold": {"rows": rows, "mode": mode},
    }


def _gains(report: Json, now: Json, gains: dict[str, float]) -> list[Json]:
    no, yes = report["classes"]
    means = {"tp": (yes, yes), "fp": (yes, no), "tn": (no, no), "fn": (no, yes)}
    return [
        {"name": one, "predicted": means[one][0], "true": means[one][1], "gain": gains[one],
         "rows": now[one]}
        for one in thresholds.COUNTS
    ]  # fmt: skip


def _at_threshold(draw: Callable[[Json, float], list[Json]]) -> Any:
    def fill(request: HttpRequest, model: Entrant, report: Json) -> Json:
        return {"drawings": draw(report, threshold_of(request, report))}

    return fill


def _by_class(draw: Callable[[Json, float, list[str]], list[Json]]) -> Any:
    def fill(request: HttpRequest, model: Entrant, report: Json) -> Json:
        wanted = request.GET.getlist("class")
        drawn = draw(report, threshold_of(request, report), wanted)
        return {"drawings": drawn, "per_class": report.get("per_class", []), "wanted": wanted}

    return fill


def _of_target(draw: Callable[[Json, str], list[Json]]) -> Any:
    def fill(request: HttpRequest, model: Entrant, report: Json) -> Json:
        return {"drawings": draw(report, model.target)}

    return fill


def _ranked(report: Json, by: str) -> list[Json]:
    """The columns with the share of each; `width` is for its bar, the longest being 100."""
    columns = ((report.get("importance") or {}).get(by) or {}).get("columns", [])[:SHOWN]
    most = max((one["share"] or 0 for one in columns), default=0) or 1
    return [
        {**one, "width": 100 * (one["share"] or 0) / most, "text": number(one["value"])}
        for one in columns
    ]


def _importance(request: HttpRequest, model: Entrant, report: Json) -> Json:
    there = [(name, label) for name, label in BY if report["importance"].get(name)]
    by = request.GET.get("by", "")
    by = by if by in dict(there) else there[0][0]
    explained = {one["name"] for one in report.get("partial", [])}
    return {
        "by": by,
        "ways": there,
        "what": report["importance"][by]["what"],
        "columns": _ranked(report, by),
        "explained": explained,
    }


def _partial(request: HttpRequest, model: Entrant, report: Json) -> Json:
    wanted = request.GET.get("column", "")
    drawn = charts_values.partial(report, model.target, wanted)
    names = [one["name"] for one in report["partial"]]
    return {
        "drawings": drawn,
        "names": names,
        "wanted": wanted if wanted in names else names[0],
        "which": charts_values.which(report),
    }


TABS = (
    Tab("summary", "Summary", "dashboard", "lab/table_summary.html", _summary, "Model"),
    Tab("training", "Training information", "info", "lab/table_training.html", _training),
    Tab("curves", "Training curves", "chart", "lab/table_charts.html", _curves, needs="history"),
    Tab("search", "Search", "search", "lab/table_search.html", search_results.fill,
        needs="search"),
    Tab("learning", "Learning curve", "chart", "lab/table_learning.html", learning,
        needs="learning"),
    Tab("metrics", "Metrics", "gauge", "lab/table_metrics.html", _metrics, "Performance"),
    Tab("confusion", "Confusion matrix", "grid", "lab/table_confusion.html", _confusion,
        needs="confusion"),
    Tab("decision", "Decision chart", "chart", "lab/table_charts.html",
        _at_threshold(charts_classes.decision), needs="thresholds"),
    Tab("roc", "ROC curve", "roc", "lab/table_charts.html", _by_class(charts_classes.roc),
        needs="confusion"),
    Tab("pr", "Precision-recall", "roc", "lab/table_charts.html",
        _by_class(charts_classes.precision_recall), needs="confusion"),
    Tab("lift", "Lift charts", "chart", "lab/table_charts.html",
        _by_class(charts_probability.lift), needs="lift"),
    Tab("calibration", "Calibration curve", "scale", "lab/table_charts.html",
        _by_class(charts_probability.calibration), needs="calibration"),
    Tab("density", "Density chart", "chart-bar", "lab/table_charts.html",
        _by_class(charts_probability.density), needs="density"),
    Tab("scatter", "Scatter plot", "target", "lab/table_charts.html",
        _of_target(charts_values.scatter), needs="scatter"),
    Tab("residuals", "Error distribution", "chart-bar", "lab/table_charts.html",
        _of_target(charts_values.residuals), needs="residuals"),
    Tab("deciles", "Error deciles", "list-details", "lab/table_charts.html",
        _of_target(charts_values.deciles), needs="deciles"),
    Tab("predictions", "Predicted data", "table", "lab/table_predictions.html",
        predicted.fill),
    Tab("importance", "Feature importance", "sort", "lab/table_importance.html", _importance,
        "Explain", needs="importance"),
    Tab("partial", "Partial dependence", "tune", "lab/table_partial.html", _partial,
        needs="partial"),
    Tab("effects", "Feature effects", "sparkles", "lab/table_shap.html", explain_pages.effects,
        needs="shap"),
    Tab("subpopulations", "Subpopulations", "users", "lab/table_subpopulations.html",
        explain_pages.groups),
    Tab("individual", "Individual explanations", "search", "lab/table_individual.html",
        explain_pages.individual),
    Tab("whatif", "What if", "wand", "lab/table_whatif.html", explain_pages.what_if),
    Tab("diagnostics", "Diagnostics", "bug", "lab/table_diagnostics.html"),
)  # fmt: skip
