"""A cell of a table as a page shows it."""

SHOWN = 300  # characters of a text; the whole of it is in the download


def shown(value: object, most: int = SHOWN) -> str | None:
    """A cell as text: exact for long whole numbers, which JavaScript would round."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    return text if len(text) <= most else f"{text[:most]}…"
