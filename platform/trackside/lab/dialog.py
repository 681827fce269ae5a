"""The Train dialog: its first fragment, a new plan at each change, the click."""

import socket
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from recipes.tasks import table_split
from trackside.accounts.gate import caller, signed_in
from trackside.compute.board import board
from trackside.compute.networks import looked_once
from trackside.compute.requests import BadCompute
from trackside.compute.urgency import most_urgent
from trackside.lab import device_wish, plan_notes, services
from trackside.lab.diagnostics import Finding
from trackside.lab.models import Analysis
from trackside.lab.pages import analysis_of, diagnose
from trackside.lab.plan import Plan, make, on_a_gpu
from trackside.lab.subjects import ready
from trackside.lab.wishes import GIB, HOUR, Wish, design, read
from trackside.projects.models import Role
from trackside.ui.gpu_words import short

FRAGMENT = "X-Fragment"  # js/pages/train.js asks for the dialog alone


@signed_in
@require_http_methods(["GET", "POST"])
@vary_on_headers(FRAGMENT)
@looked_once()
def analysis_train(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """GET: the dialog. POST: the click; what stands in its way comes back in the dialog.

    The address itself, followed from elsewhere, leads to the analysis with its dialog open.
    """
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    if request.method == "GET" and FRAGMENT not in request.headers:
        return redirect(f"{resolve_url('analysis', key, analysis.name)}#train")
    try:
        ready(analysis.dataset)
    except services.Refused as refused:
        context = {"analysis": analysis, "sentence": str(refused)}
        return render(request, "lab/train_refused.html", context, status=_not_ready(request))
    if request.method == "GET":
        return _show(request, analysis, None)
    return _click(request, analysis)


def _not_ready(request: HttpRequest) -> int:
    return 200 if request.method == "GET" else 409


@signed_in
@require_POST
@looked_once()
def analysis_plan(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """The dialog drawn anew for what is chosen now."""
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    return _show(request, analysis, read(request.POST, analysis))


def _show(
    request: HttpRequest,
    analysis: Analysis,
    wish: Wish | None,
    sentence: str = "",
    status: int = 200,
) -> HttpResponse:
    user = caller(request)
    plan = make(analysis, wish, board(user), user)
    context = {
        "analysis": analysis,
        "project": analysis.project,
        "plan": plan,
        "warned": _warned(analysis) if wish is None else [],
        "sampled": table_split.in_words(analysis.design["split"], analysis.dataset.rows),
        "nodes": [
            _node(plan, node)
            for node in sorted(plan.board["nodes"], key=lambda one: one["state"] == "lost")
        ],
        "others": _others(plan, analysis),
        "ranks": range(1, max((n["cores"] for n in plan.board["nodes"]), default=1) + 1),
        **_choices(plan),
        "free": [gpu["uuid"] for gpu in plan.gpus if gpu["state"] == "free"],
        "any_gpu": bool(plan.gpus),
        "number": analysis.sessions.count() + 1,
        "click_id": plan.wish.click_id or uuid4().hex,
        "sentence": sentence,
        "most_urgent": most_urgent(user),
        "precisions": (
            ("auto", "Automatic"),
            ("bf16", "bf16"),
            ("fp16", "fp16"),
            ("fp32", "fp32"),
        ),
    }
    return render(request, "lab/train_dialog.html", context, status=status)


def _warned(analysis: Analysis) -> list[Finding]:
    """Once, as it opens: no choice within the dialog changes what is wrong with the design."""
    return [one for one in diagnose(analysis) if one.level == "wn"]


def _choices(plan: Plan) -> dict[str, Any]:
    """What the fields of Automatic, sharing and More may hold, and hold."""
    memory, limit = plan.compute.get("memory"), plan.wish.max_seconds
    return {
        "machines": sum(1 for node in plan.board["nodes"] if node["gpus"]),
        "most": max(1, len(plan.gpus)),
        "gpu_names": sorted({gpu["name"] for gpu in plan.gpus}),
        "budget": f"{memory / GIB:.1f}" if memory else "",
        "hours": f"{limit / HOUR:g}" if limit else "",
    }


def _others(plan: Plan, analysis: Analysis) -> list[dict[str, Any]]:
    """Other choices that are free now; what a GPU would need is another figure than on the CPU."""
    on_cpu = plan.compute["kind"] == "cpu"
    verdicts, chosen = plan.verdicts, plan.wish.uuids
    if on_cpu and plan.gpus:
        verdicts, chosen = on_a_gpu(plan, analysis), ()
    return plan_notes.others(plan.board, verdicts, chosen, "cpu" if on_cpu else "")


def _node(plan: Plan, node: dict[str, Any]) -> dict[str, Any]:
    """A machine of the fleet, with its tiles; the slices of a card stand together."""
    fits = [gpu["uuid"] for gpu in node["gpus"] if _fits(plan, gpu)]
    shown = [gpu for gpu in node["gpus"] if not plan.wish.fit_only or gpu["uuid"] in fits]
    cut: dict[str, dict[str, Any]] = {}
    for gpu in shown:
        if gpu["parent"]:
            name = short(gpu["name"]).partition(" MIG ")[0]
            card = cut.setdefault(gpu["parent"], {"index": gpu["index"], "name": name, "tiles": []})
            card["tiles"].append(_tile(plan, gpu))
    return {
        **node,
        "here": node["name"] in (socket.gethostname(), "local"),
        "fits": [gpu["uuid"] for gpu in node["gpus"] if gpu["uuid"] in fits and not gpu["parent"]],
        "tiles": [_tile(plan, gpu) for gpu in shown if not gpu["parent"]],
        "cut": list(cut.values()),
    }


def _tile(plan: Plan, gpu: dict[str, Any]) -> dict[str, Any]:
    """`would`: Automatic would take it now."""
    parts = plan.start.get("parts") or []
    return {
        "gpu": gpu,
        "verdict": plan.verdicts[gpu["uuid"]],
        "checked": gpu["uuid"] in plan.wish.uuids,
        "would": plan.wish.mode == "auto" and any(gpu["uuid"] in one["uuids"] for one in parts),
    }


def _fits(plan: Plan, gpu: dict[str, Any]) -> bool:
    said = plan.verdicts[gpu["uuid"]]["verdict"]
    return gpu["state"] in ("free", "busy") and said in ("fits", "tight")


def _click(request: HttpRequest, analysis: Analysis) -> HttpResponse:
    user = caller(request)
    wish = read(request.POST, analysis)
    plan = make(analysis, wish, board(user), user)
    sentence = plan_notes.taken(plan) if not plan.stop else plan.why or plan.stop
    if sentence:
        return _show(request, analysis, wish, sentence, 409)
    clicked = design(analysis, wish)
    learning = [clicked["models"][place] for place in wish.models]
    try:
        session = services.train(
            analysis,
            user,
            plan.compute,
            wish.name,
            wish.click_id or None,
            list(wish.models),
            design=device_wish.noted(clicked, learning, plan.compute, plan.compute),
        )
    except (services.Refused, BadCompute) as refused:
        return _show(request, analysis, wish, str(refused), 409)
    where = resolve_url("session", analysis.project.key, analysis.name, session.number)
    return JsonResponse({"location": where, "session": session.number}, status=201)
