"""What stands in the way of a wish, and what would help: the plan's `stop`, `why` and `problem`."""

from dataclasses import replace
from typing import TYPE_CHECKING

from trackside.compute.requests import BadCompute, clean
from trackside.compute.services import libraries
from trackside.jobs import kinds
from trackside.lab import estimates, freezing, handling, plan_notes, searching, wishes
from trackside.lab.models import Analysis
from trackside.lab.wishes import BATCHES

if TYPE_CHECKING:
    from trackside.lab.plan import Plan

OVER = ("too_small", "no_room_now")


def find(plan: "Plan", analysis: Analysis) -> None:
    """Fills in the first obstacle; none leaves the plan ready to go."""
    _unsaid(plan)
    if not plan.stop:
        _unable(plan, analysis)
    if not plan.stop:
        _refused(plan)
    if not plan.stop:
        _over(plan, analysis)


def _unsaid(plan: "Plan") -> None:
    if not plan.wish.models:
        plan.stop, plan.why = "Choose a model", "Tick at least one model above."
    elif plan.wish.mode == "pick" and not plan.chosen:
        none = not plan.gpus
        plan.stop = "No GPU to choose" if none else "Choose a GPU"
        plan.why = plan_notes.NO_GPU if none else "Choose one or more GPUs, or switch to CPU."
    elif plan.compute.get("share") == "shared" and not plan.compute.get("memory"):
        plan.stop = "Set a memory budget"
        plan.why = "Say how much memory the run may take on each shared GPU: it is not known yet."


def _unable(plan: "Plan", analysis: Analysis) -> None:
    """What the algorithms themselves cannot run on, and libraries that no machine has."""
    listed = [analysis.design["models"][n] for n in plan.wish.models]
    lacking = handling.lacking(listed, libraries())
    unsearched = (searching.trouble(analysis.design, one) for one in listed)
    why = next((said for said in (*lacking.values(), *unsearched) if said), "")
    try:
        wish = freezing.placed(analysis.task, listed, plan.compute)
        for one in listed:
            told = freezing.told(analysis.task, one)
            kinds.placed(told, freezing.taken(analysis.task, one, wish))
    except BadCompute as bad:
        why = why or bad.sentence
    if why:
        plan.stop, plan.why = "Fix the choice", why


def _refused(plan: "Plan") -> None:
    try:
        plan.asked = clean(plan.compute)
    except BadCompute as bad:
        plan.stop, plan.why = "Fix the choice", bad.sentence


def _over(plan: "Plan", analysis: Analysis) -> None:
    """A chosen GPU without the room: say by how much, and offer what would fit."""
    for one in plan.chosen:
        verdict = plan.verdicts[one["gpu"]["uuid"]]
        if verdict["verdict"] in OVER:
            plan.stop = "Does not fit"
            never = verdict["verdict"] == "too_small"
            room = one["gpu"]["memory_total"] if never else verdict["free"]
            plan.problem = {
                **one,
                "needs": verdict["needs"],
                "free": room,
                "batch": _smaller(plan, analysis, room),
                "other": plan_notes.free_gpu(plan.board, plan.verdicts),
            }
            return


def _smaller(plan: "Plan", analysis: Analysis, room: int) -> int | None:
    """The largest batch with which every chosen model fits; None where there are no batches."""
    if plan.data == "table":
        return None
    most = max(plan.models[n]["batch"] for n in plan.wish.models)
    for batch in sorted((one for one in BATCHES if one < most), reverse=True):
        wish = replace(plan.wish, batches=dict.fromkeys(plan.wish.models, batch))
        asked = wishes.asked(analysis, wish, plan.compute)
        listed = [asked.design["models"][n] for n in wish.models]
        need = estimates.largest([estimates.need(asked, one, plan.known) for one in listed])
        if need.bytes is not None and need.bytes <= room:
            return batch
    return None
