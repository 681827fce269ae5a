"""What may spoil a training on a table, seen in its profile and the design. Pure."""

from typing import Any

from recipes.tasks import table_split
from trackside.datasets.profile import MIXED
from trackside.lab import handling, targets
from trackside.lab.design import Design
from trackside.lab.diagnostics import Finding
from trackside.lab.targets import Column
from trackside.lab.trouble import BadDesign

FEW_ROWS = 200  # rows with a target: scores of fewer vary a lot
RARE = 20  # rows of a class that make it hard to learn
SKEWED = 10  # times as many rows of the largest class as of the smallest
WIDE = 0.5  # columns for each row
MOSTLY_MISSING = 0.5
NAMED = 5
INFINITE = "Some values are infinite"
OF_VALUES = (MIXED, INFINITE, "Values begin or end with spaces")


def table_findings(design: Design, columns: list[Column], rows: int) -> list[Finding]:
    """Warnings first, and of those a leak: it makes all scores look good."""
    target = next((one for one in columns if one["name"] == design["target"]), None)
    if target is None:
        text = f"The table has no column {design['target']!r} any more. Make a new analysis."
        return [Finding("wn", "The target is gone", text, "target")]
    refused = targets.refuse(design["task"], target, rows) or targets.no_positive(
        target, design.get("positive", "")
    )
    if refused:
        return [Finding("wn", "The target cannot be learned", refused, "target")]
    inputs = handling.inputs(columns, design["target"])
    try:
        made = handling.resolved(inputs, design["features"], rows)
    except BadDesign as bad:
        return [Finding("wn", "Features do not fit the table any more", str(bad), "features")]
    used = [one for one in inputs if made[one["name"]]["role"] == "input"]
    found = [
        *_twins(target, used),
        *_rows(target, rows, len(used), design),
        *_sample(design, made, rows),
        *_missing_target(target, rows),
        *_classes(target, rows, design),
        *_inputs(used, rows),
        *_target_remarks(target, design),
        *_remarks([*used, *_mixed(inputs, made)]),
        *_weight(inputs, made),
        *_left_out(made),
        *_time(design, made, inputs),
        *_metric(design, target),
        *_search(design),
    ]
    return sorted(found, key=lambda one: one.level != "wn")


def _rows(target: Column, rows: int, used: int, design: Design) -> list[Finding]:
    there, found = table_split.used(design["split"], rows - target["missing"]), []
    if there < FEW_ROWS:
        text = f"{there} rows have a target. Scores on so few vary a lot; K-fold uses all of them."
        found.append(Finding("wn", "Few rows", text, "split"))
    if used > WIDE * there:
        text = f"{used:,} columns for {there:,} rows: models find patterns that are chance."
        found.append(Finding("wn", "Many columns for few rows", text, "features"))
    return found


def _sample(design: Design, made: dict[str, Any], rows: int) -> list[Finding]:
    """That the models learn from some of the rows, or cannot."""
    split, timed = design["split"], any(one["role"] == "time" for one in made.values())
    if said := table_split.trouble(split, design["task"], timed=timed):
        return [Finding("wn", "The rows to learn from cannot be chosen", said, "split")]
    if told := table_split.in_words(split, rows):
        text = f"{told}: those that train, validate and test come from them."
        return [Finding("info", "The models learn from some of the rows", text, "split")]
    if split.get("sampling", table_split.ALL) == table_split.ALL:
        return []
    text = f"The table has {rows:,}, no more than the {split['sample_rows']:,} to learn from."
    return [Finding("info", "All rows are used", text, "split")]


def _missing_target(target: Column, rows: int) -> list[Finding]:
    if not target["missing"]:
        return []
    share = target["missing"] / rows
    text = f"{target['missing']:,} rows ({share:.0%}) have no target: they are left out."
    return [Finding("wn" if share > MOSTLY_MISSING else "info", "The target has gaps", text)]


def _classes(target: Column, rows: int, design: Design) -> list[Finding]:
    counted = counts(target) if design["task"] != "regression" else []
    if len(counted) < 2:
        return []
    found, complete = [], len(counted) == target["distinct"]
    if rare := _under(RARE, target, counted, rows):
        named = [f"{value} ({n})" for value, n in counted if n < RARE][:NAMED]
        more = f" and {rare - len(named):,} more" if rare > len(named) else ""
        title = f"{rare:,} {'class has' if rare == 1 else 'classes have'} under {RARE} rows"
        who = f"{', '.join(named)}{more}. " if named else ""
        text = f"{who}Too few to learn and to judge it by."
        found.append(Finding("wn", title, text, "target"))
    if lone := _under(2, target, counted, rows):
        found.append(_lone(lone, counted, design))
    (most, many), (least, few) = counted[0], counted[-1]
    if many >= SKEWED * few and complete and not design["rebalance"]:
        text = (
            f"{most} has {round(many / few)} times as many rows as {least}. Try class weights, and "
            "a metric such as average precision or F1."
        )
        found.append(Finding("wn", "The classes are very uneven", text, "target"))
    return found


def _under(least: int, target: Column, counted: list[tuple[str, int]], rows: int) -> int:
    """How many classes have fewer than `least` rows, of those beside `counted` at least so many."""
    known = sum(n < least for _, n in counted)
    others: int = target["distinct"] - len(counted)
    if counted[-1][1] < least:
        return known + others  # which have no more rows than these
    rest: int = rows - target["missing"] - sum(n for _, n in counted)
    return known + max(0, others - rest // least)


def _lone(lone: int, counted: list[tuple[str, int]], design: Design) -> Finding:
    """Such a row trains or, of a cross-test, judges a model that has not met its class."""
    name = counted[-1][0] if counted[-1][1] == 1 else "One"
    who = f"{name} has" if lone == 1 else f"{lone:,} have"
    lost = "ROC AUC and average precision" if design["task"] == "two_class" else "their figures"
    text = f"{who} one row, which cannot both train and judge: {lost} will say nothing."
    title = "A class cannot be judged" if lone == 1 else f"{lone:,} classes cannot be judged"
    return Finding("wn", title, text, "target")


def counts(target: Column) -> list[tuple[str, int]]:
    """The most frequent values, largest first."""
    top = [(targets.class_name(one["value"]), int(one["count"])) for one in target.get("top") or []]
    return sorted(top, key=lambda one: -one[1])


def _twins(target: Column, used: list[Column]) -> list[Finding]:
    """Columns whose values are as frequent as the target's: often the target in other words."""
    own = [n for _, n in counts(target)]
    if len(own) != target["distinct"] or len(set(own)) < 2:
        return []
    twins = [one["name"] for one in used if [n for _, n in counts(one)] == own]
    if not twins:
        return []
    title = f"{len(twins)} {'column' if len(twins) == 1 else 'columns'} may be the target itself"
    text = (
        f"{_named(twins)}: the values are exactly as frequent as the target's. If it is not known "
        "yet when a prediction is made, leave it out."
    )
    return [Finding("wn", title, text, "features")]


def _inputs(used: list[Column], rows: int) -> list[Finding]:
    if not used:
        text = "Each column is left out. Give at least one the role Input."
        return [Finding("wn", "Nothing to learn from", text, "features")]
    gaps = [one["name"] for one in used if one["missing"] > MOSTLY_MISSING * rows]
    if not gaps:
        return []
    title = f"{len(gaps)} {'column is' if len(gaps) == 1 else 'columns are'} mostly missing"
    return [Finding("info", title, f"{_named(gaps)}. Leave out what tells nothing.", "features")]


def _target_remarks(target: Column, design: Design) -> list[Finding]:
    """What else the import said of it; that it is no input is no fault of a target."""
    said = [one for one in target.get("warnings") or [] if one.startswith(OF_VALUES)]
    if design["task"] == "regression":
        said = _followed(said, "These rows are left out.")
    text = f"{target['name']}: {' '.join(said)}"
    return [Finding("info", "The target has a remark", text, "target")] if said else []


def _followed(said: list[str], then: str) -> list[str]:
    """With what follows from infinite values."""
    return [f"{one} {then}" if one.startswith(INFINITE) else one for one in said]


def _mixed(inputs: list[Column], made: dict[str, Any]) -> list[Column]:
    """Left out because every text differs, where they may be numbers but for some words."""
    left = [one for one in inputs if made[one["name"]].get("why")]
    return [
        one for one in left if any(said.startswith(MIXED) for said in one.get("warnings") or [])
    ]


def _remarks(used: list[Column]) -> list[Finding]:
    """What the import said of columns that are learned from, but for gaps: those stand above."""
    told = {
        one["name"]: [said for said in one.get("warnings") or [] if "are missing" not in said]
        for one in used
    }
    told = {name: _followed(said, "They count as missing.") for name, said in told.items() if said}
    if not told:
        return []
    title = f"{len(told)} {'column has' if len(told) == 1 else 'columns have'} a remark"
    shown = [f"{name}: {' '.join(told[name])}" for name in list(told)[:NAMED]]
    more = f" And {len(told) - NAMED} more." if len(told) > NAMED else ""
    return [Finding("info", title, f"{' '.join(shown)}{more}", "features")]


def _weight(inputs: list[Column], made: dict[str, Any]) -> list[Finding]:
    told = handling.weight_trouble(inputs, made).values()
    return [Finding("wn", "The weight cannot be used", said, "features") for said in told]


def _left_out(made: dict[str, Any]) -> list[Finding]:
    left = [(name, one["why"]) for name, one in made.items() if one.get("why")]
    if not left:
        return []
    text = "; ".join(f"{name}: {why}" for name, why in left[:NAMED])
    more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
    title = f"{len(left)} {'column is' if len(left) == 1 else 'columns are'} left out by default"
    return [Finding("info", title, f"{text}{more}.", "features")]


def _time(design: Design, made: dict[str, Any], inputs: list[Column]) -> list[Finding]:
    timed = any(one["role"] == "time" for one in made.values())
    if design["split"]["policy"] == "time":
        if timed:
            return []
        text = "Give the role Time to the column that orders the rows, or split at random."
        return [Finding("wn", "The split by time has no time", text, "features")]
    dates = [one["name"] for one in inputs if one["type"] in ("date", "datetime")]
    if not dates or timed:
        return []
    text = (
        f"{_named(dates)}: if the model is to predict the future, split by time, so that it is "
        "judged on rows later than those it learns from."
    )
    return [Finding("info", "The table has dates", text, "split")]


def _search(design: Design) -> list[Finding]:
    """Who searches wants rows that took no part in it."""
    split = design["split"]
    searched = (design.get("search") or {}).get("strategy", "none") != "none"
    if not searched or split["policy"] not in ("random", "time") or table_split.shares(split)[2]:
        return []
    text = (
        "A search chooses what is best on the rows that judge it, so that its score is a little "
        "too good. With train and validation shares of 60 % and 20 % the rest is a test set, "
        "which takes no part in it."
    )
    return [Finding("info", "The search has no test set", text, "split")]


def _metric(design: Design, target: Column) -> list[Finding]:
    counted = counts(target)
    total = sum(n for _, n in counted)
    if design["metric"] != "accuracy" or not counted or counted[0][1] < 0.8 * total:
        return []
    text = f"Always saying {counted[0][0]} would reach {counted[0][1] / total:.0%}."
    return [Finding("info", "Accuracy says little here", text, "metrics")]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
