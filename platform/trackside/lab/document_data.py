"""The part of a model's document that is about its data: figures, split, handling of the inputs."""

from typing import Any

from recipes.tasks.table_split import sampled
from trackside.datasets.models import Dataset, DatasetState
from trackside.lab.comparison import things
from trackside.lab.comparison_design import handled, in_words
from trackside.lab.document_blocks import pairs, points, table, text
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant
from trackside.lab.subjects import columns_of
from trackside.ui import words

Json = dict[str, Any]
COLUMNS = 200  # that are listed
CLASSES = 100


def data(one: Entrant) -> list[Json]:
    """Where it comes from, and its figures while the dataset is that of the training."""
    rows = [["Fingerprint", one.fingerprint or words.NOTHING]]
    dataset = one.dataset
    if dataset is None:
        gone = "The dataset of the training is no longer in the project: its figures cannot be "
        return [pairs(rows), text(f"{gone}shown. The fingerprint stays.")]
    rows.insert(0, ["Dataset", dataset.name])
    if dataset.fingerprint != one.fingerprint or dataset.state != DatasetState.READY:
        changed = "The dataset has changed since the training: its figures of today say nothing "
        return [pairs(rows), text(f"{changed}about this model and are left out.")]
    rows += _facts(dataset, things(one))
    return [pairs(rows), *(_columns(dataset) if dataset.kind == "table" else _classes(dataset))]


def _facts(dataset: Dataset, what: str) -> list[list[str]]:
    facts = dataset.facts
    found = [
        ["Rows" if what == "rows" else "Pictures", f"{dataset.rows:,}"],
        ["Bytes", words.size(facts.get("bytes"))],
        ["Left out at the import", f"{facts.get('left_out') or 0:,}"],
        ["Problems noted", f"{facts.get('problems') or 0:,}"],
        ["Imported", f"{dataset.created_at:%Y-%m-%d %H:%M} UTC"],
    ]
    if facts.get("format"):
        found.insert(1, ["Format", str(facts["format"])])
    for side in ("width", "height"):
        span = facts.get(side)
        if isinstance(span, dict):
            said = f"{span.get('min')} to {span.get('max')} px, median {span.get('median')}"
            found.append([side.capitalize(), said])
    return found


def _classes(dataset: Dataset) -> list[Json]:
    listed = dataset.facts.get("classes") or []
    total = sum(one["count"] for one in listed) or 1
    rows = [
        [one["name"], f"{one['count']:,}", words.percent(one["count"] / total)]
        for one in listed[:CLASSES]
    ]
    return [table(["Class", "Pictures", "Share"], rows, right=1)] if rows else []


def _columns(dataset: Dataset) -> list[Json]:
    listed = columns_of(dataset)
    rows = [
        [
            one["name"],
            str(one.get("type")),
            words.thousands(one.get("missing")),
            words.thousands(one.get("distinct")),
            _value(one.get("min")),
            _value(one.get("mean")),
            _value(one.get("max")),
        ]
        for one in listed[:COLUMNS]
    ]
    head = ["Column", "Type", "Missing", "Distinct", "Lowest", "Mean", "Highest"]
    found = [table(head, rows, right=2)] if rows else []
    if len(listed) > COLUMNS:
        left = f"and {len(listed) - COLUMNS:,} more columns, which are in the bundle"
        found.append(text(left))
    warned = [f"{one['name']}: {said}" for one in listed for said in one.get("warnings") or []]
    return [*found, points(warned[:40])] if warned else found


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return words.NOTHING
    return number(value) if isinstance(value, int | float) else str(value)[:40]


def split(one: Entrant) -> list[Json]:
    rows = [[name, value] for (section, name), value in in_words(one).items()
            if section == "Train / test"]  # fmt: skip
    parts = one.facts.get("rows") or one.facts.get("images") or {}
    names = {"train": "Learned from", "val": "Validated on", "test": "Tested on"}
    rows += [[names.get(name, name), f"{count:,} {things(one)}"] for name, count in parts.items()]
    if drawn := one.facts.get("sample"):
        rows.append(["Drawn from", sampled(**drawn)])
    second = one.spec.get("test") or {}
    if second:
        rows.append(
            ["Test dataset", f"{second.get('name')}, fingerprint {second.get('fingerprint')}"]
        )
    if drawn := (one.report.get("test") or {}).get("sample"):
        rows.append(["Drawn from it", sampled(**drawn)])
    return [pairs(rows)] if rows else []


def inputs(one: Entrant) -> list[Json]:
    """How each column enters the model, or what is done to the pictures while it learns."""
    if one.card.data == "images":
        rows = [[name, value] for (section, name), value in in_words(one).items()
                if section == "Data augmentation"]  # fmt: skip
        seen = one.told.get("image") or {}
        size = seen.get("size") or one.facts.get("image_size")
        said = [["Picture size", f"{size} px"]] if size else []
        return [pairs(said + rows)] if said or rows else []
    features = one.part("features") or {}
    kept = {each["name"]: each["type"] for each in one.told.get("columns") or []}
    rows = [
        [name, str(kept.get(name, words.NOTHING)), _role(each), str(each.get("why") or "")]
        for name, each in list(features.items())[:COLUMNS]
    ]
    head = ["Column", "Kept as", "Handled", "Why"]
    if not any(row[3] for row in rows):
        head, rows = head[:3], [row[:3] for row in rows]
    learns = "All that the handling learns (means, categories, scales) it learns from the training "
    return [text(f"{learns}rows alone."), table(head, rows)] if rows else []


def _role(handling: Json) -> str:
    said = handled(handling)
    return said[:1].upper() + said[1:]
