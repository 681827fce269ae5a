"""The design page of the search: its settings, and of each model what is tried of its params.

The fields of a param are called `m<place>.<param>-how` (fixed, values or range), `-values`, `-low`,
`-high` and `-log`; `m<place>-searched` is whether the model is searched at all.
"""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, QueryDict

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.params import Choice, Flag, Number, Param, ParamError, Params, Range, Values
from trackside.lab import searching, services
from trackside.lab.labels import label_of
from trackside.lab.models import Analysis
from trackside.lab.searching import NONE
from trackside.ui.param_forms import form_for
from trackside.ui.words import plural

Json = dict[str, Any]
Tried = Values | Range | None


def fill(request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]) -> Json:
    """What templates/lab/design_table_search.html shows."""
    settings = found.design.get("search") or searching.SETTINGS.defaults()
    strategy = settings["strategy"]
    minutes = float(settings["minutes"])
    whole = {**settings, "minutes": int(minutes) if minutes == int(minutes) else minutes}
    form = form_for(searching.SETTINGS, data, initial=whole)
    for name, sentence in errors.items():
        field = name.rpartition(".")[2]
        if form.is_bound and field in form.fields and not form.errors.get(field):
            form.add_error(field, sentence)
    return {
        "form": form,
        "strategy": strategy,
        "models": [
            _model(found.design, place, one, strategy)
            for place, one in enumerate(found.design["models"])
            if one.get("on", True)
        ],
        "refused": [said for name, said in errors.items() if name.startswith("models.")],
    }


def _model(design: Json, place: int, model: Json, strategy: str) -> Json:
    card = ALGORITHMS[model["algorithm"]]
    tried = searching.space_of(model, strategy)
    fields = card.params.of(design["task"]).fields
    rows = [_row(place, one, model, tried.get(one.name), strategy) for one in fields]
    wish = searching.asked(design, model)
    return {
        "place": place,
        "label": label_of(model),
        "algorithm": card,
        "searched": model.get("searched", True),
        "own": bool(model.get("space")),
        "rows": [one for one in rows if one["offered"]],
        "more": [one for one in rows if not one["offered"]],
        "said": _said(wish, model) if wish else "",
        "trouble": searching.trouble(design, model),
    }


def _said(wish: Json, model: Json) -> str:
    """`A grid of 27 points; 28 trials, each of 3 fits.`"""
    points = search.count(searching.space_of(model, wish["strategy"]))
    trials = searching.trials(wish, model["algorithm"])
    each = f", each a cross-test of {wish['folds']} folds" if wish["folds"] else ""
    many = f"{plural(trials, 'trial')} at most{each}."
    if wish["strategy"] != "grid" or points is None:
        return many
    short = "" if trials > points else " Which of them are tried is drawn at random."
    return f"A grid of {plural(points, 'point')}; {many}{short}"


def _row(place: int, field: Param, model: Json, tried: Tried, strategy: str) -> Json:
    """One setting. `offered`: it is searched, or the card's own search would."""
    value = model["params"].get(field.name, field.default)
    low, high, log = _ends(field, tried)
    kinds = [("fixed", "Fixed"), ("values", "Values")]
    if isinstance(field, Number) and (strategy != "grid" or isinstance(tried, Range)):
        kinds.append(("range", "Range"))
    return {
        "name": f"m{place}.{field.name}",
        "field": field,
        "value": searching.said(field, value),
        "how": _how(tried),
        "kinds": kinds,
        "options": _options(field, tried, value),
        "values": ", ".join(map(_plain, tried.values if isinstance(tried, Values) else [value])),
        "low": low,
        "high": high,
        "log": log,
        "offered": tried is not None or field.search is not None,
        "standard": "" if field.search is None else searching.tried_text(field, field.search),
    }


def _how(tried: Tried) -> str:
    if tried is None:
        return "fixed"
    return "values" if isinstance(tried, Values) else "range"


def _ends(field: Param, tried: Tried) -> tuple[str, str, bool]:
    """Of the range, or of the one that is there once a range is chosen."""
    found = tried if isinstance(tried, Range) else field.search
    if isinstance(found, Range):
        return _plain(found.low), _plain(found.high), found.log
    return "", "", False


def _options(field: Param, tried: Tried, value: Any) -> list[tuple[str, str, bool]]:
    """The choices of what is no number: value, label, whether it is tried."""
    chosen = tried.values if isinstance(tried, Values) else (value,)
    if isinstance(field, Choice):
        return [(one, label, one in chosen) for one, label, _ in field.options]
    if isinstance(field, Flag):
        return [("true", "on", True in chosen), ("false", "off", False in chosen)]
    return []


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def save(request: HttpRequest, found: Analysis) -> None:
    """All of the page, or nothing of it. Raises BadDesign."""
    sent = request.POST
    given = {one.name: sent[one.name] for one in searching.SETTINGS.fields if one.name in sent}
    reset = sent.get("standard", "")
    models = [
        _sent(one, place, sent, str(place) == reset)
        for place, one in enumerate(found.design["models"])
    ]
    errors: dict[str, str] = {}
    with transaction.atomic():
        for part, values in (("search", given), ("models", models)):
            try:
                services.save_design(found, part, values)
            except services.BadDesign as bad:
                errors |= bad.errors
        if errors:
            raise services.BadDesign(errors)


def _sent(model: Json, place: int, data: QueryDict, reset: bool) -> Json:
    """The model as the page has it now; one that the page does not show stays as it is."""
    params = ALGORITHMS[model["algorithm"]].params
    if f"m{place}-shown" not in data:
        return model
    made = {name: one for name, one in model.items() if name not in ("space", "searched")}
    if f"m{place}-searched" not in data:
        made["searched"] = False
    if reset:
        return made
    space = {
        one.name: tried
        for one in params.fields
        if (tried := _tried(f"m{place}.{one.name}", one, data)) is not None
    }
    if space == search.spec(searching.space_of(made, data.get("drawn", NONE))):
        return made  # the card's own: what that becomes holds here too
    if not space and "searched" not in made:
        said = (
            "Nothing is searched of it: give a setting several values or a range, or switch its "
            "search off."
        )
        raise services.BadDesign({f"models.{place}.searched": said})
    if data.get("strategy") == "grid":
        space = {name: _for_grid(params, name, tried) for name, tried in space.items()}
    return made | ({"space": space} if space else {})


def _tried(name: str, field: Param, data: QueryDict) -> Json | None:
    how = data.get(f"{name}-how", "fixed")
    if how == "fixed":
        return None
    if how == "range":
        ends = {end: data.get(f"{name}-{end}", "") for end in ("low", "high")}
        return _typed(field, {**ends, "log": f"{name}-log" in data})
    listed = data.getlist(f"{name}-values")
    if isinstance(field, Number):
        listed = [one for part in listed for one in part.replace(";", ",").split(",")]
    return _typed(field, {"values": [one.strip() for one in listed if one.strip()]})


def _typed(field: Param, given: Json) -> Json:
    """In the field's own types, to be compared; what is wrong is told when it is kept."""
    tried = _read(Params((field,)), field.name, given)
    return search.spec({field.name: tried})[field.name] if tried else given


def _for_grid(params: Params, name: str, given: Json) -> Json:
    """A grid has no ranges: the ends and the middle of one in its place."""
    tried = _read(params, name, given)
    if not isinstance(tried, Range):
        return given
    field = next(one for one in params.fields if one.name == name)
    places = (search.at(field, tried, share) for share in search.POINTS)
    return {"values": list(dict.fromkeys(places))}


def _read(params: Params, name: str, given: Json) -> Tried:
    try:
        return search.read(params, {name: given})[name]
    except ParamError:
        return None
