"""The design of an analysis, tab by tab."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS, data_of
from trackside.accounts.gate import signed_in
from trackside.compute.requests import BadCompute
from trackside.lab import forms, pages_search, sampling, second_dataset, services
from trackside.lab.design import offered, splits_of
from trackside.lab.labels import model_label
from trackside.lab.models import Analysis
from trackside.lab.pages import analysis_of, diagnose, frame, wants_json
from trackside.lab.pages_table import (
    inputs_of,
    sent_features,
    table_algorithms,
    table_features,
    table_target,
    two_classes,
)
from trackside.projects.models import Role

Context = dict[str, Any]
Fill = Callable[[HttpRequest, Analysis, Any, dict[str, str]], Context]
D, T = "lab/design_", "lab/design_table_"  # templates
# Where the Train dialog starts from: what the Runtime tab sends, and the compute that it means.
STARTS: dict[str, Any] = {"any": {"kind": "any"}, "cpu": {"kind": "cpu"}}


@signed_in
@require_http_methods(["GET", "POST"])
def analysis(request: HttpRequest, key: str, name: str, tab: str = "target") -> HttpResponse:
    role = Role.EDITOR if request.method == "POST" else Role.READER
    project, found = analysis_of(request, key, name, role)
    shown = {one.name: one for one in TABS[data_of(found.task)]}.get(tab)
    if shown is None:
        raise Http404("There is no such page of the design.")
    errors: dict[str, str] = {}
    if request.method == "POST" and shown.part:
        try:
            _save(request, found, shown.part)
        except services.BadDesign as bad:
            errors = bad.errors
        except BadCompute as bad:
            errors = {"compute": bad.sentence}
        answer = _answer(request, found, tab, errors)
        if answer is not None:
            return answer
    data = request.POST if errors else None
    context = {
        **frame(project, found),
        **_page(found, tab),
        **shown.fill(request, found, data, errors),
    }
    return render(request, shown.template, context, status=422 if errors else 200)


def _answer(
    request: HttpRequest, found: Analysis, tab: str, errors: dict[str, str]
) -> HttpResponse | None:
    """The autosave reads JSON; without scripts a saved form comes back by a redirect."""
    if wants_json(request):
        said = {_field(found, name): text for name, text in errors.items()}
        return JsonResponse(
            {"errors": said, "findings": len(diagnose(found))}, status=422 if errors else 200
        )
    if errors:
        return None
    messages.success(request, "Saved.")
    return redirect("analysis", found.project.key, found.name, tab)


def _field(found: Analysis, name: str) -> str:
    """`training.epochs` is the input `epochs`; `models.0.params.dropout` is `m0-dropout`."""
    part, _, rest = name.partition(".")
    if part == "features":
        names = [one["name"] for one in inputs_of(found)]
        return f"c{names.index(rest)}-role" if rest in names else "features"
    if part == "models" and ".space." in rest:
        return f"m{rest.partition('.')[0]}.{rest.rpartition('.')[2]}-values"
    if part == "models" and rest.count("."):
        return f"m{rest.partition('.')[0]}-{rest.rpartition('.')[2]}"
    return name.rpartition(".")[2]


def _page(found: Analysis, tab: str) -> Context:
    listed = found.design["models"]
    return {
        "tab": tab,
        "tabs": TABS[data_of(found.task)],
        "on": len(listed) if len(listed) == 1 else sum(one.get("on", True) for one in listed),
        "findings": diagnose(found),
    }


def _save(request: HttpRequest, found: Analysis, part: str) -> None:
    if part == "search":
        pages_search.save(request, found)
        return
    if part == "rebalance" and "positive" in request.POST:
        services.save_design(found, "positive", request.POST["positive"])
    services.save_design(found, part, SENT.get(part, _sent)(request, found, part))
    if part == "runtime":
        services.save_design(found, "compute", STARTS.get(request.POST.get("compute", ""), {}))


def _sent(request: HttpRequest, found: Analysis, part: str) -> Any:
    form = forms.part_form(found.design, part, request.POST)
    return {one.name: form[one.name].data for one in form.params.fields}


def _models(request: HttpRequest, found: Analysis, part: str) -> list[dict[str, Any]]:
    """What Architecture or Algorithms sent: the models, one more, or one less."""
    models = []
    for place, one in enumerate(offered(found.design)):
        form = forms.model_form(one, place, {}, request.POST, found.task)
        given = {field.name: form[field.name].data for field in form.params.fields}
        models.append({**one, "params": given, "on": f"m{place}-on" in request.POST})
    drop = request.POST.get("drop", "")
    if drop.isdecimal() and len(drop) < 9 and int(drop) < len(models):
        del models[int(drop)]
    algorithm = request.POST.get("add", "")
    if algorithm:
        algorithm = algorithm if algorithm in ALGORITHMS else TASKS[found.task].algorithms[0]
        params = ALGORITHMS[algorithm].params.defaults()
        models.append({"algorithm": algorithm, "params": params, "on": True})
    return models


SENT: dict[str, Callable[[HttpRequest, Analysis, str], Any]] = {
    "metric": lambda request, found, part: request.POST.get("metric"),
    "models": _models,
    "features": sent_features,
    "rebalance": lambda request, found, part: "rebalance" in request.POST,
}


def _target(request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    facts = found.dataset.facts
    classes = [one for one in facts.get("classes") or [] if one.get("count")]
    whole = sum(one["count"] for one in classes)
    samples = {}
    for one in classes[:12]:
        rows = found.dataset.pictures.filter(label=one["name"]).order_by("number")
        samples[one["name"]] = list(rows.values_list("number", flat=True)[:5])
    return {"facts": facts, "classes": classes, "whole": whole, "samples": samples}


def _by_card(part: str) -> Fill:
    def fill(request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]) -> Context:
        form = forms.part_form(found.design, part, data)
        _told(form, errors)
        return {"form": form, "splits": splits_of(found.dataset.facts)}

    return fill


def _table_split(
    request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]
) -> Context:
    tables = {"tables": second_dataset.options(found)}
    form = forms.part_form(found.design, "split", data, tables, sampling.barred(found))
    _told(form, errors)
    return {
        "form": form,
        "parts": second_dataset.parts(found),
        "sampled": sampling.chosen(found),
        "tested_on": found.design["split"].get("test_dataset"),
        "on_another": second_dataset.is_named(found.design["split"]),
    }


def _told(form: Any, errors: dict[str, str]) -> None:
    """Sentences that no single field gives, such as a sum over 1, stand beside their field too."""
    for name, sentence in errors.items():
        field = name.rpartition(".")[2]
        if form.is_bound and field in form.fields and not form.errors.get(field):
            form.add_error(field, sentence)


def _metrics(request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    task = TASKS[found.task]
    picked = data.get("metric") if data else found.design["metric"]
    named = [one.of(two_classes(found)) for one in task.metrics.values()]
    return {"metrics": named, "picked": picked, "errors": errors}


def _architecture(
    request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]
) -> Context:
    listed = found.design["models"]
    options = forms.catalogue_options(one["params"]["backbone"] for one in listed)
    models = [
        {
            "place": place,
            "label": model_label(one["params"]),
            "on": one.get("on", True) if data is None else f"m{place}-on" in data,
            "form": forms.model_form(one, place, options, data),
            "algorithm": ALGORITHMS[one["algorithm"]],
        }
        for place, one in enumerate(listed)
    ]
    rows = forms.backbone_rows()
    return {"models": models, "backbones": rows, "errors": errors}


def _runtime(request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    kept = found.design.get("compute") or {}
    return {**_by_card("runtime")(request, found, data, errors), "compute": kept}


class Tab(NamedTuple):
    """A page of the design. `part` is what it saves, `heading` stands over it and what follows."""

    name: str
    part: str
    words: str
    picture: str
    template: str
    fill: Fill
    heading: str = ""


TABS: dict[str, tuple[Tab, ...]] = {
    "images": (
        Tab("target", "", "Target and images", "target", D + "target.html", _target, "Basics"),
        Tab("split", "split", "Train / test", "split", D + "split.html", _by_card("split")),
        Tab("metrics", "metric", "Metrics", "gauge", D + "metrics.html", _metrics),
        Tab(
            "architecture",
            "models",
            "Architecture",
            "layers",
            D + "architecture.html",
            _architecture,
            "Modelling",
        ),
        Tab("training", "training", "Training", "tune", D + "training.html", _by_card("training")),
        Tab(
            "augmentation",
            "augmentation",
            "Data augmentation",
            "wand",
            D + "augmentation.html",
            _by_card("augmentation"),
        ),
        Tab("runtime", "runtime", "Runtime", "cpu", D + "runtime.html", _runtime, "Advanced"),
    ),
    "table": (
        Tab("target", "rebalance", "Target", "target", T + "target.html", table_target, "Basics"),
        Tab("split", "split", "Train / Test set", "split", T + "split.html", _table_split),
        Tab("metrics", "metric", "Metrics", "gauge", D + "metrics.html", _metrics),
        Tab(
            "features",
            "features",
            "Features handling",
            "table",
            T + "features.html",
            table_features,
            "Features",
        ),
        Tab(
            "algorithms",
            "models",
            "Algorithms",
            "layers",
            T + "algorithms.html",
            table_algorithms,
            "Modelling",
        ),
        Tab("search", "search", "Hyperparameters", "search", T + "search.html", pages_search.fill),
        Tab("runtime", "runtime", "Runtime", "cpu", D + "runtime.html", _runtime, "Advanced"),
    ),
}
