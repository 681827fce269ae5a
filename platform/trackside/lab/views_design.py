"""The design of an analysis, tab by tab."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from trackside.accounts.gate import signed_in
from trackside.compute.requests import BadCompute
from trackside.lab import forms, services
from trackside.lab.design import splits_of
from trackside.lab.labels import model_label
from trackside.lab.models import Analysis
from trackside.lab.pages import analysis_of, diagnose, frame, wants_json
from trackside.projects.models import Role

Context = dict[str, Any]
# address, part of the design, words, icon
TABS = (
    ("target", "", "Target and images", "target"),
    ("split", "split", "Train / test", "split"),
    ("metrics", "metric", "Metrics", "gauge"),
    ("architecture", "models", "Architecture", "layers"),
    ("training", "training", "Training", "tune"),
    ("augmentation", "augmentation", "Data augmentation", "wand"),
    ("runtime", "runtime", "Runtime", "cpu"),
)
# Where the Train dialog starts from: what the Runtime tab sends, and the compute that it means.
STARTS: dict[str, Any] = {"any": {"kind": "any"}, "cpu": {"kind": "cpu"}}
PART = {tab: part for tab, part, _, _ in TABS}


@signed_in
@require_http_methods(["GET", "POST"])
def analysis(request: HttpRequest, key: str, name: str, tab: str = "target") -> HttpResponse:
    if tab not in PART:
        raise Http404("There is no such page of the design.")
    role = Role.EDITOR if request.method == "POST" else Role.READER
    project, found = analysis_of(request, key, name, role)
    errors: dict[str, str] = {}
    if request.method == "POST" and PART[tab]:
        try:
            _save(request, found, tab)
        except services.BadDesign as bad:
            errors = bad.errors
        except BadCompute as bad:
            errors = {"compute": bad.sentence}
        answer = _answer(request, found, tab, errors)
        if answer is not None:
            return answer
    data = request.POST if errors else None
    context = {**frame(project, found), **_page(found, tab), **FILL[tab](found, data, errors)}
    return render(request, f"lab/design_{tab}.html", context, status=422 if errors else 200)


def _answer(
    request: HttpRequest, found: Analysis, tab: str, errors: dict[str, str]
) -> HttpResponse | None:
    """The autosave reads JSON; without scripts a saved form comes back by a redirect."""
    if wants_json(request):
        said = {_field(tab, name): text for name, text in errors.items()}
        return JsonResponse(
            {"errors": said, "findings": len(diagnose(found))}, status=422 if errors else 200
        )
    if errors:
        return None
    messages.success(request, "Saved.")
    return redirect("analysis", found.project.key, found.name, tab)


def _field(tab: str, name: str) -> str:
    """`training.epochs` is the input `epochs`; `models.0.params.dropout` is `m0-dropout`."""
    parts = name.split(".")
    if tab == "architecture" and len(parts) > 2:
        return f"m{parts[1]}-{parts[-1]}"
    return parts[-1]


def _page(found: Analysis, tab: str) -> Context:
    return {"tab": tab, "tabs": TABS, "findings": diagnose(found)}


def _save(request: HttpRequest, found: Analysis, tab: str) -> None:
    part = PART[tab]
    value: Any = request.POST.get("metric")
    if part == "models":
        value = _models(request, found)
    elif part != "metric":
        form = forms.part_form(found.design, part, request.POST)
        value = {one.name: form[one.name].data for one in form.params.fields}
    services.save_design(found, part, value)
    if part == "runtime":
        services.save_design(found, "compute", STARTS.get(request.POST.get("compute", ""), {}))


def _models(request: HttpRequest, found: Analysis) -> list[dict[str, Any]]:
    """What the Architecture tab sent: the models, one more, or one less."""
    models = []
    for place, one in enumerate(found.design["models"]):
        form = forms.model_form(one, place, {}, request.POST)
        given = {field.name: form[field.name].data for field in form.params.fields}
        models.append({**one, "params": given, "on": f"m{place}-on" in request.POST})
    drop = request.POST.get("drop", "")
    if drop.isdecimal() and int(drop) < len(models):
        del models[int(drop)]
    if "add" in request.POST:
        algorithm = TASKS[found.task].algorithms[0]
        params = ALGORITHMS[algorithm].params.defaults()
        models.append({"algorithm": algorithm, "params": params, "on": True})
    return models


def _target(found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    facts = found.dataset.facts
    classes = [one for one in facts.get("classes") or [] if one.get("count")]
    most = max((one["count"] for one in classes), default=0)
    samples = {}
    for one in classes[:12]:
        rows = found.dataset.pictures.filter(label=one["name"]).order_by("number")
        samples[one["name"]] = list(rows.values_list("number", flat=True)[:5])
    return {"facts": facts, "classes": classes, "most": most, "samples": samples}


def _by_card(part: str) -> Callable[[Analysis, Any, dict[str, str]], Context]:
    def fill(found: Analysis, data: Any, errors: dict[str, str]) -> Context:
        form = forms.part_form(found.design, part, data)
        _told(form, errors)
        return {"form": form, "splits": splits_of(found.dataset.facts)}

    return fill


def _told(form: Any, errors: dict[str, str]) -> None:
    """Sentences that no single field gives, such as a sum over 1, stand beside their field too."""
    for name, sentence in errors.items():
        field = name.rpartition(".")[2]
        if form.is_bound and field in form.fields and not form.errors.get(field):
            form.add_error(field, sentence)


def _metrics(found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    task = TASKS[found.task]
    picked = data.get("metric") if data else found.design["metric"]
    return {"metrics": list(task.metrics.values()), "picked": picked, "errors": errors}


def _architecture(found: Analysis, data: Any, errors: dict[str, str]) -> Context:
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


def _runtime(found: Analysis, data: Any, errors: dict[str, str]) -> Context:
    kept = found.design.get("compute") or {}
    return {**_by_card("runtime")(found, data, errors), "compute": kept}


FILL: dict[str, Callable[[Analysis, Any, dict[str, str]], Context]] = {
    "target": _target,
    "split": _by_card("split"),
    "metrics": _metrics,
    "architecture": _architecture,
    "training": _by_card("training"),
    "augmentation": _by_card("augmentation"),
    "runtime": _runtime,
}
