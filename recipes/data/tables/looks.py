"""What a value looks like that a form can read: patterns that rule out what does not fit at once.

A form's own parse has the last word. A pattern takes all that it would take; the less beyond that,
the fewer values are left to be found one by one.
"""

from recipes.data.tables.forms import Form
from recipes.data.tables.written_dates import ORDERS

_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_MONTHS = (  # month, the days that it has, year
    ("(?:0?[13578]|1[02])", "(?:0?[1-9]|[12][0-9]|3[01])", "[0-9]{4}"),
    ("(?:0?[469]|11)", "(?:0?[1-9]|[12][0-9]|30)", "[0-9]{4}"),
    ("0?2", "(?:0?[1-9]|1[0-9]|2[0-8])", "[0-9]{4}"),
    ("0?2", "29", _LEAP),
)
_CLOCK = (  # as people write it
    "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
    "|(?:0?[1-9]|1[0-2]):[0-5][0-9](?::[0-5][0-9])? ?[AaPp][Mm]"
)
_ISO_CLOCK = r"(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?[0-5][0-9](?:\.[0-9]{1,9})?)?)?"


def _day(order: str, *, padded: bool = False) -> str:
    """The days that there are, year, month and day in the order d/m/y."""
    shown = order.replace(".", r"\.")
    made = [
        "".join({"y": year, "m": month, "d": day}.get(one, one) for one in shown)
        for month, day, year in _MONTHS
    ]
    found = "(?:" + "|".join(made) + ")"
    return found.replace("0?", "0") if padded else found


_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity|nan)"
_ISO = _day("y-m-d", padded=True)
LOOKS = {
    "integer": "[+-]?[0-9]{1,19}",
    "big integer": "[+-]?[0-9]{1,38}",
    "number": _NUMBER,
    "comma": r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?",
    "grouped": _NUMBER + r"|[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?",
    "boolean": r"(?i:true|yes|t|y|1|1\.0|false|no|f|n|0|0\.0)",
    "date": _ISO,
    "datetime": f"{_ISO}(?:[ T]{_ISO_CLOCK})?",
    "zoned datetime": f"{_ISO}[ T]{_ISO_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)",
    **{order: _day(order) for order in ORDERS},
    **{f"{order} time": f"{_day(order)}(?:[ T]+(?:{_CLOCK}))?" for order in ORDERS},
}


def looks_of(form: Form) -> str:
    """The pattern of whole values; of a form without one it takes all."""
    found = LOOKS.get(form.name.removeprefix("day of "))
    return f"^(?:{found})$" if found else ""
