"""Whether a table has what a model learned from. Light: the web asks before a scoring starts."""

from collections.abc import Mapping

FITS = {  # what a column may be now, by what it was in training
    "text": ("text", "integer", "boolean"),
    "integer": ("integer", "number", "boolean"),
    "number": ("number", "integer"),
    "boolean": ("boolean",),
    "date": ("date", "datetime"),
    "datetime": ("datetime", "date"),
}
NAMED = 10  # columns in a sentence


def trouble(learned: Mapping[str, str], here: Mapping[str, str]) -> str:
    """The sentence for what is missing or of another type, or nothing. Both: type by column."""
    gone = [name for name in learned if name not in here]
    if gone:
        some = ", ".join(map(repr, gone[:NAMED])) + (" ..." if len(gone) > NAMED else "")
        return (
            f"The table lacks {len(gone)} of the {len(learned)} columns that the model learned "
            f"from: {some}."
        )
    other = [
        f"{name!r} was {kind} and is {here[name]}"
        for name, kind in learned.items()
        if here[name] not in FITS.get(kind, (kind,))
    ]
    if other:
        some = "; ".join(other[:NAMED])
        return f"Columns have other types than in training: {some}. Correct them in the dataset."
    return ""
