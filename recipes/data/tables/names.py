"""Names of columns: each has one, and no two have the same."""

import re

from recipes.data.sandbox import BadInput
from recipes.data.tables.problems import Problems
from recipes.uploads import COLUMNS

LONGEST = 200  # characters
NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")  # XML takes none of it


def settled(given: list[str], problems: Problems) -> list[str]:
    """Empty, overlong and repeated names are changed, each with a problem. Raises BadInput."""
    check_count(len(given))
    wanted = {name.strip() for name in given}
    taken: set[str] = set()
    names = []
    for place, raw in enumerate(given, 1):
        name = NO_TEXT.sub("", raw).strip()[:LONGEST] or f"column_{place}"
        if name in taken or (name != raw.strip() and name in wanted):
            name = _free(name, taken | wanted)
        if name != raw.strip():
            why = "has the name of another column" if raw.strip() else "has no name"
            if NO_TEXT.search(raw.strip()):
                why = "has control characters in its name"
            if len(raw.strip()) > LONGEST:
                why = f"has a name of more than {LONGEST} characters"
            problems.add(f"column {place}", f"It {why} and is called {name!r} here.")
        taken.add(name)
        names.append(name)
    return names


def another(raw: str, taken: list[str], problems: Problems) -> str:
    """The name of a column that comes after those that are named already."""
    bare = raw.encode("utf-8", "replace").decode()
    bare = NO_TEXT.sub("", bare).strip()[:LONGEST]
    name = bare or f"column_{len(taken) + 1}"
    if name in taken:
        name = _free(name, set(taken))
    if name != raw.strip():
        problems.add(f"column {len(taken) + 1}", f"It is called {name!r} here.")
    return name


def check_count(count: int) -> None:
    """Raises BadInput where there are too many columns, or none."""
    if not count:
        raise BadInput("The table has no columns.")
    if count > COLUMNS:
        raise BadInput(
            f"The table has {count:,} columns; at most {COLUMNS:,} are taken. "
            "Is the delimiter right?"
        )


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
