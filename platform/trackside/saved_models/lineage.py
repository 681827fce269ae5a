"""What a version stands on that went on from others: how much of it each has learned. Pure."""

from typing import Any

from trackside.ui.words import plural

Json = dict[str, Any]


def in_words(facts: Json) -> list[tuple[str, str]]:
    """Whose trees or epochs a model is made of, and how it stood before it learned on; []."""
    stands_on = facts.get("lineage") or []
    if not stands_on:
        return []
    parts = [f"{plural(one['rounds'], one['unit'])} of {_called(one)}" for one in stands_on]
    said = [("Goes on from", ", ".join(parts))]
    if own := _own(facts):
        said.append(("Learned itself", plural(own, stands_on[-1]["unit"])))
    if (began := facts.get("began") or {}).get("log_loss") is not None:
        said.append(("Log loss before it learned on", f"{began['log_loss']:.4f}"))
    return said


def short(facts: Json) -> str:
    """`goes on from version 2: 80 trees before, 40 of its own`."""
    stands_on = facts.get("lineage") or []
    if not stands_on:
        return ""
    there = plural(sum(one["rounds"] for one in stands_on), stands_on[-1]["unit"])
    own = _own(facts)
    return f"goes on from {_called(stands_on[-1])}: {there} before, {own:,} of its own"


def too_good(facts: Json) -> str:
    """Why its figures say more than they should; "" where they do not."""
    return str(facts.get("too_good") or "")


def _called(one: Json) -> str:
    return f"version {one['version']}" if one.get("version") else "an earlier model"


def _own(facts: Json) -> int:
    learned = facts.get("learned") or {}
    if "rounds" in learned:
        return int(learned["rounds"] or 0) - int(learned.get("went_on_from") or 0)
    return int(facts.get("best_epoch") or 0)
