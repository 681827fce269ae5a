"""What a careful colleague would say of a model, as sentences."""

from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from recipes.engine import metrics
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.effects import Sample
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.rows import Ready

FEW_ROWS, FEW_JUDGED, RARE = 200, 50, 0.05
ALONE, BETTER, GUESSING = 0.98, 0.1, 0.05
LOOKED_AT = 200  # columns that are tried alone
APART = 20  # rows of other values than the most frequent one: fewer may agree by chance

Said = list[dict[str, str]]


def diagnose(model: Model, ready: Ready, sample: Sample, learned: Sample) -> Said:
    """`sample` are rows that the model has not seen, `learned` such that it has."""
    told = of_rows(ready)
    told += [_leaks(name, score, ready) for name, score in alone(model, sample, ready)]
    told += _twins(model, sample, learned)
    told += _fit(model, ready, sample, learned)
    return [{"kind": kind, "text": text} for kind, text in told]


def of_rows(ready: Ready) -> list[tuple[str, str]]:
    """What the rows say before a model has learned from them: its kind and its sentence."""
    told = [("left_out", text) for text in ready.left_out]
    return [*told, *_rows(ready), *_unjudged(ready), *_classes(ready), *_balanced(ready)]


def alone(model: Model, sample: Sample, ready: Ready) -> list[tuple[str, float]]:
    """Columns that predict the target all by themselves, with the score that they reach."""
    half = len(sample.target) // 2
    found = []
    for one in model.encoder.columns[:LOOKED_AT]:
        block = sample.matrix[:, one.place]
        if half < 10:
            break
        score = _alone(block, sample.target, half, len(ready.classes))
        if score is not None and score >= ALONE:
            found.append((one.name, score))
    return found


def _alone(block: Any, target: Floats, half: int, classes: int) -> float | None:
    """Of a small tree on one half of the rows, judged on the other."""
    if not classes:
        tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=3, random_state=0)
        return _score(target[half:], tree.fit(block[:half], target[:half]).predict(block[half:]), 0)
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=3, random_state=0)
    tree.fit(block[:half], target[:half].astype(int))
    given = np.zeros((len(target) - half, classes))
    given[:, tree.classes_] = tree.predict_proba(block[half:])
    return _score(target[half:], given, classes)


def _score(true: Floats, given: Floats, classes: int) -> float | None:
    """ROC AUC, the mean over the classes, or R2; None where it is unknown."""
    if not classes:
        spread = float(((true - true.mean()) ** 2).sum())
        return 1 - float(((given - true) ** 2).sum()) / spread if spread else None
    which = [1] if classes == 2 else range(classes)
    areas = [metrics.area(metrics.roc(true == one, given[:, one])) for one in which]
    known = [one for one in areas if one is not None]
    return float(np.mean(known)) if known else None


def _leaks(name: str, score: float, ready: Ready) -> tuple[str, str]:
    return "leakage", (
        f"The column {name!r} alone predicts the target ({_called(ready)} {score:.3f}). Is it "
        "known before the target is? If it only follows from it, leave it out."
    )


def _twins(model: Model, *samples: Sample) -> list[tuple[str, str]]:
    """Columns of which each tells the other: a class and its number, metres and feet."""
    table = pa.concat_tables([one.table for one in samples], promote_options="permissive")
    alike: dict[bytes, list[str]] = {}
    for one in model.encoder.columns[:LOOKED_AT]:
        if key := _pattern(table.column(one.name).combine_chunks()):
            alike.setdefault(key, []).append(one.name)
    return [
        (
            "twins",
            f"The columns {', '.join(map(repr, names[:-1]))} and {names[-1]!r} say the same, row "
            "by row: each has a part of the importance of what they say. One of them is enough.",
        )
        for names in alike.values()
        if len(names) > 1
    ]


def _pattern(values: pa.Array) -> bytes:
    """Which rows have the same value, whatever it is; of measures their order. b"": no pattern."""
    found = values.dictionary_encode(null_encoding="encode")
    places, rows = np.asarray(found.indices), len(values)
    if len(found.dictionary) < 2 or rows - int(np.bincount(places).max()) < APART:
        return b""
    if len(found.dictionary) <= rows / 2:
        return places.tobytes()
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return b""
    _, order = np.unique(
        values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), return_inverse=True
    )
    return b"order" + order.tobytes()


def _called(ready: Ready) -> str:
    return "ROC AUC" if ready.classes else "R2"


def _rows(ready: Ready) -> list[tuple[str, str]]:
    told = []
    train, judged = len(ready.parts.train), len(ready.parts.val)
    if train < FEW_ROWS:
        some = "1 row trains" if train == 1 else f"{train} rows train"
        text = f"Only {some} the model: its figures change much with the split."
        told.append(("few_rows", f"{text} A cross-test says by how much."))
    if not ready.parts.folds and judged < FEW_JUDGED:
        some = "1 row judges" if judged == 1 else f"{judged} rows judge"
        told.append(("few_judged", f"Only {some} the model: its figures are rough."))
    return told


def _unjudged(ready: Ready) -> list[tuple[str, str]]:
    """Classes that no judged row has: their figures are unknown, a dash on the pages."""
    judged = np.concatenate(ready.parts.folds or [ready.parts.val])
    missed = [ready.classes[one] for one in _without(ready, judged)]
    if not missed:
        return []
    some = f"the class {missed[0]!r}" if len(missed) == 1 else f"{len(missed):,} classes"
    figures = "ROC AUC and average precision are" if len(ready.classes) == 2 else "figures are"
    whose = "" if len(ready.classes) == 2 else " of it" if len(missed) == 1 else " of them"
    one = f"None of the {len(judged):,} rows that judge the model is of {some}"
    text = f"{one}: {figures} unknown{whose}. It takes more such rows, or a cross-test."
    return [("unjudged", text)]


def _without(ready: Ready, rows: Ints) -> list[int]:
    """The classes that none of these rows has."""
    if not ready.classes:
        return []
    held = np.bincount(ready.target[rows].astype(int), minlength=len(ready.classes))
    return np.flatnonzero(held == 0).tolist()


def _classes(ready: Ready) -> list[tuple[str, str]]:
    if not ready.classes:
        return []
    counts = np.bincount(ready.target.astype(int), minlength=len(ready.classes))
    rare = int(counts.argmin())
    share = counts[rare] / counts.sum()
    if share >= RARE / max(1, len(ready.classes) - 1):
        return []
    judged = np.concatenate(ready.parts.folds or [ready.parts.val])
    advice = "look at average precision, or balance the classes"
    if rare in _without(ready, judged):
        advice = "more rows of that class are needed"
    return [
        (
            "imbalance",
            f"The class {ready.classes[rare]!r} has {counts[rare]:,} "
            f"{'row' if counts[rare] == 1 else 'rows'}, {share:.1%} of all. "
            f"Accuracy says little here: {advice}.",
        )
    ]


def _balanced(ready: Ready) -> list[tuple[str, str]]:
    """The judged rows are of the sample too."""
    if not ready.sample or ready.sample["how"] != "balanced":
        return []
    return [
        (
            "balanced",
            "The classes were balanced by drawing fewer rows of the frequent ones, also in the "
            "rows that judge: figures and probabilities are those of balanced classes. Evaluate "
            "the model on rows as they come to know how it does there.",
        )
    ]


def _fit(model: Model, ready: Ready, sample: Sample, learned: Sample) -> list[tuple[str, str]]:
    classes = len(ready.classes)
    unseen = _score(sample.target, model.learner.predict(sample.matrix), classes)
    known = _score(learned.target, model.learner.predict(learned.matrix), classes)
    if unseen is None or known is None:
        return []
    told = []
    if known - unseen > BETTER:
        told.append(
            (
                "overfit",
                f"The model is much better on the rows that it learned from ({_called(ready)} "
                f"{known:.3f}) than on others ({unseen:.3f}): it has learned them by heart. Try "
                "more rows, fewer columns or stronger regularisation.",
            )
        )
    if unseen < (0.5 if classes else 0.0) + GUESSING:
        told.append(
            (
                "guessing",
                f"The model hardly beats guessing ({_called(ready)} {unseen:.3f}): the columns "
                "say little of the target.",
            )
        )
    return told
