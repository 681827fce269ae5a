"""The tabs that explain a model of a table: effects, groups, single rows, what if."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from recipes import whatif
from recipes.params import ParamError
from trackside.accounts.gate import caller
from trackside.datasets import tables
from trackside.lab import charts_effects, explaining, whatif_form
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant
from trackside.lab.labels import metric_text
from trackside.lab.results import Json, figures
from trackside.lab.trouble import Refused

WHY = {
    "worst": ("The worst", "Predicted wrongly with the most certainty, or with the largest error."),
    "least_certain": ("The least certain", "Of all judged rows, these would turn first."),
    "most_certain": ("The most certain", "The highest probabilities of all judged rows."),
    "highest": ("The highest", "Of all judged rows, these are predicted highest."),
    "lowest": ("The lowest", "Of all judged rows, these are predicted lowest."),
}
FIGURES = 5  # metrics beside each other


def effects(request: HttpRequest, model: Entrant, report: Json) -> Json:
    shap = report["shap"]
    classes = shap["classes"]
    wanted = request.GET.get("class", "")
    output = classes.index(wanted) if wanted in classes else 0
    names = [one["name"] for one in shap["columns"]]
    column = request.GET.get("column", "")
    return {
        "shap": shap,
        "swarm": charts_effects.swarm(shap, output) if names else None,
        "classes": classes if len(classes) > 1 else [],
        "wanted": classes[output] if classes else "",
        "names": names,
        "column": column if column in names else (names or [""])[0],
        "drawings": charts_effects.dependence(shap, output, column),
        "unit": charts_effects.UNITS[shap["scale"]],
        "target": model.target,
    }


def individual(request: HttpRequest, model: Entrant, report: Json) -> Json:
    told = report.get("individual") or {"groups": [], "scale": "value", "exact": True}
    threshold = report.get("threshold")
    asked = _asked(request, model, "rows")
    answer = asked["told"] or {"items": []}
    return {
        **asked,
        "groups": picked_out(told, threshold),
        "exact": told["exact"],
        "classed": bool(report.get("classes")),
        "answers": [row(item, answer["scale"], threshold) for item in answer["items"]],
        "learned_from": answer.get("learned_from"),
    }


def picked_out(told: Json, threshold: float | None) -> list[Json]:
    """The groups of rows of a report. Of a good model the worst may be right: it has none then."""
    groups = []
    for one in told["groups"]:
        rows = [row(item, told["scale"], threshold) for item in one["rows"]]
        meant = [each for each in rows if one["why"] != "worst" or not each.get("right")]
        if one["why"] in WHY and meant:
            title, text = WHY[one["why"]]
            groups.append({"title": title, "text": text, "rows": meant})
    return groups


def row(item: Json, scale: str, threshold: float | None) -> Json:
    """A row as the pages show it; its class is that at the threshold in use."""
    if item.get("trouble"):
        return item
    made: Json = {**item, "bars": charts_effects.bars(item, scale)}
    probas = item["probas"]
    if not probas:
        made |= {name: number(item[name]) for name in ("prediction", "true") if name in item}
        return made
    if threshold is not None and len(probas) == 2:
        no, yes = probas
        made["prediction"] = yes if probas[yes] >= threshold else no
    ranked = sorted(probas.items(), key=lambda pair: -pair[1])[:6]
    made["classes"] = [{"name": name, "percent": 100 * value} for name, value in ranked]
    made["percent"] = 100 * probas[made["prediction"]]
    if "true" in item:
        made["right"] = item["true"] == made["prediction"]
    return made


def _row_asked(request: HttpRequest) -> int | None:
    """The row to begin with, as people count."""
    given = request.GET.get("row", "")
    return int(given) if given.isdecimal() and len(given) < 12 and int(given) else None


def groups(request: HttpRequest, model: Entrant, report: Json) -> Json:
    asked = _asked(request, model, "subpopulations")
    found = asked["told"] or {"items": [], "column": ""}
    cards = {one["card"].name: one["card"] for one in figures(model, report)[:FIGURES]}
    target = model.target
    ranked = _order(report)
    columns = tables.columns(model.dataset) if model.dataset else []
    names = [one["name"] for one in columns if one["name"] != target]
    return {
        **asked,
        "cards": list(cards.values()),
        "lines": [_line(one, cards, bool(report.get("classes"))) for one in found["items"]],
        "column": found["column"] or request.GET.get("column", ""),
        "names": sorted(names, key=lambda name: ranked.get(name, len(ranked))),
        "classed": bool(report.get("classes")),
        "second": (report.get("classes") or ["", ""])[1] if report.get("thresholds") else "",
        "target": target,
    }


def _line(one: Json, cards: Mapping[str, Any], classed: bool) -> Json:
    means = [one.get("true"), one.get("predicted")]
    words = [_share(value) if classed else number(value) for value in means]
    texts = [metric_text(one["metrics"].get(name), card) for name, card in cards.items()]
    return {"name": _group(one), "kind": one["kind"], "rows": one["rows"],
            "true": words[0], "predicted": words[1], "texts": texts}  # fmt: skip


def _share(value: float | None) -> str:
    return number(None) if value is None else f"{100 * value:.1f} %"


def _group(one: Json) -> str:
    if one["kind"] == "whole":
        return "All judged rows"
    if one["kind"] == "missing":
        return "missing"
    if one["kind"] == "rest":
        return f"{one['name']} other values"
    if one["kind"] == "range":
        ends = [number(v) if isinstance(v, int | float) else v for v in (one["from"], one["to"])]
        return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    name = one["name"]
    return {True: "yes", False: "no"}[name] if isinstance(name, bool) else str(name)


def what_if(request: HttpRequest, model: Entrant, report: Json) -> Json:
    asked = _asked(request, model, "whatif")
    try:
        seen = explaining.seen(model)
        start, trouble = _start(request, model)
    except Refused as refused:
        return {**asked, "refused": str(refused)}
    posted = request.POST if request.method == "POST" else None
    errors: dict[str, str] = {}
    begun = {name: request.GET.get(name, "") for name in ("job", "row")}
    if posted is not None:
        begun = {"job": posted.get("from_job", ""), "row": posted.get("from_row", "")}
        start = start | whatif_form.posted(seen, posted.dict())
        try:
            whatif.cleaned(seen, start)
        except ParamError as wrong:
            errors = wrong.errors
    spec = asked["job"].spec if asked["job"] is not None else {}
    fixed = spec.get("fixed") or []
    if posted is not None:
        fixed = whatif_form.held(seen, posted.getlist("fixed"))
    made = whatif_form.fields(seen, start, errors, fixed, list(_order(report)))
    toward = posted.get("toward", "") if posted is not None else spec.get("toward", "")
    found = asked["told"]
    return {
        **asked,
        "fields": made[: whatif_form.FIRST],
        "folded": made[whatif_form.FIRST : whatif_form.MOST],
        "beyond": max(0, len(made) - whatif_form.MOST),
        "begun": begun,
        "trouble": trouble,
        "errors": errors,
        "goals": _goals(report),
        "toward": toward,
        "answer": found and row(found["items"][0], found["scale"], report.get("threshold")),
        "exact": found and found["exact"],
        "strange": found and posted is None and whatif_form.strange(seen, start),
        "hints": found and _all_hints(found["hints"], report),
        "rows": report.get("rows"),
        "target": model.target,
        "row_asked": _row_asked(request),
    }


def _start(request: HttpRequest, model: Entrant) -> tuple[Json, str]:
    """What the form is filled from (an answered row, a hint of it, a row of the dataset), and
    why it is not."""
    given = request.POST if request.method == "POST" else request.GET
    prefix = "from_" if request.method == "POST" else ""
    job, number_ = given.get(f"{prefix}job", ""), given.get(f"{prefix}row", "")
    user = caller(request)
    try:
        start = explaining.base_of(model, user, job, number_)
    except Refused as refused:
        return explaining.base_of(model, user, "", ""), str(refused)
    asked = explaining.answered(model, user, job, "whatif")
    return start | (_hinted(asked, request.GET.get("hint", "")) if asked else {}), ""


def _hinted(job: Any, place: str) -> Json:
    """The changes of one hint of the answer."""
    listed = [one for part in (job.result or {}).get("hints") or [] for one in part["found"]]
    if not place.isdecimal() or not 0 <= int(place[:9]) < len(listed):
        return {}
    return {one["name"]: one["to"] for one in listed[int(place[:9])]["changes"]}


def _goals(report: Json) -> list[tuple[str, str]]:
    classes = report.get("classes") or []
    if not classes:
        return [("", "Up and down"), ("up", "Up"), ("down", "Down")]
    return [("", "Another class"), *((one, one) for one in classes)] if len(classes) > 2 else []


def _all_hints(parts: list[Json], report: Json) -> list[Json]:
    made = [_hints(one, report) for one in parts]
    for place, hint in enumerate(hint for part in made for hint in part["found"]):
        hint["place"] = place
    return made


def _hints(part: Json, report: Json) -> Json:
    titles = {"up": "What would bring it up", "down": "What would bring it down"}
    turned = any(one["turns"] for one in part["found"])
    title = titles.get(part["toward"]) if not report.get("classes") else ""
    if part.get("already"):
        title = f"It is predicted as {part['toward']} already"
    return {
        "title": title or ("What would turn it" if turned else "What would come nearest"),
        "already": bool(part.get("already")),
        "turned": turned or not report.get("classes"),
        "found": [
            {
                "changes": [
                    {
                        "name": change["name"],
                        "from": charts_effects.said(change["from"]),
                        "to": charts_effects.said(change["to"]),
                    }
                    for change in one["changes"]
                ],
                "prediction": one["prediction"]
                if report.get("classes")
                else number(one["prediction"]),
                "percent": one["probability"] is not None and 100 * one["probability"],
            }
            for one in part["found"]
        ],
    }


def _order(report: Json) -> dict[str, int]:
    """Columns by importance."""
    importance = report.get("importance") or {}
    found = importance.get("shap") or importance.get("permutation") or {}
    return {one["name"]: place for place, one in enumerate(found.get("columns", []))}


def _asked(request: HttpRequest, model: Entrant, ask: str) -> Json:
    """The job of the address, if it answers this question."""
    try:
        job = explaining.answered(model, caller(request), request.GET.get("job", ""), ask)
    except PermissionDenied:
        job = None
    return explaining.state(job)
