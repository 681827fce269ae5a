"""A chart as an SVG that stands alone, with its styles as attributes: a PDF can hold it. Pure."""

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Json = dict[str, Any]
# the light theme's c0..c7 of css/pages/lab.css
INK = ("#2459c9", "#c45a00", "#0f7b6c", "#a3338a", "#6b6f00", "#a11c33", "#4a5a75", "#5b2fb5")
DASH = ("", "7 3", "2 3", "9 3 2 3", "4 2", "12 3", "1 2", "12 2 2 2 2 2")
GRID, GUIDE, WORD = "#dfe3ea", "#808998", "#3c4554"
NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(said: str) -> str:
    """What XML cannot hold, such as control characters, becomes a sign that stands for it."""
    return NO_XML.sub("\ufffd", said)


def ink(style: str) -> tuple[str, str]:
    """Colour and dashes of a series, by its class."""
    place = int(style[1:]) if style[1:].isdecimal() else 0
    return INK[place % len(INK)], DASH[place % len(DASH)]


def svg(c: Json) -> str:
    """`c`: what Chart.drawn() answers."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {c["width"]} {c["height"]}" '
        'font-family="Libertinus Serif" font-size="13">'
    ]
    for tick in c["y_ticks"]:
        parts.append(_line(c["left"], tick["at"], c["right"], tick["at"]))
        parts.append(_text(c["left"] - 7, float(tick["at"]) + 4, tick["text"], "end"))
    for tick in c["x_ticks"]:
        parts.append(_line(tick["at"], c["top"], tick["at"], c["bottom"]))
        parts.append(_text(tick["at"], c["bottom"] + 16, tick["text"], "middle"))
    parts.append(_text(c["right"], c["height"] - 6, c["x"].label, "end"))
    parts.append(_text(4, c["top"] - 12, c["y"].label, "start"))
    parts += [_shape(one) for one in c["shapes"] if one["what"] != "dot"]
    for one in c["lines"]:
        colour, dash = ink(one["style"])
        drawn = f' stroke-dasharray="{dash}"' if dash else ""
        if one["path"]:
            parts.append(
                f'<path d={quoteattr(one["path"])} fill="none" stroke="{colour}" stroke-width="2"'
                f"{drawn}/>"
            )
        parts += [
            f'<circle cx="{at["x"]}" cy="{at["y"]}" r="3" fill="#fff" stroke="{colour}"/>'
            for at in one["dots"]
        ]
    size = 5 if c["lines"] else 2
    parts += [
        f'<circle cx="{one["x"]}" cy="{one["y"]}" r="{size}" fill="{INK[0]}" fill-opacity="0.6"/>'
        for one in c["shapes"]
        if one["what"] == "dot"
    ]
    return "".join([*parts, "</svg>"])


def _shape(one: Json) -> str:
    if one["what"] == "guide":
        if not one["path"]:
            return ""
        drawn = f'fill="none" stroke="{GUIDE}" stroke-dasharray="3 3"'
        return f"<path d={quoteattr(one['path'])} {drawn}/>"
    laid = {"a0": (INK[0], 0.25), "a1": (INK[1], 0.25)}.get(one["style"], (INK[0], 0.8))
    return (
        f'<rect x="{one["x"]}" y="{one["y"]}" width="{one["width"]}" height="{one["height"]}" '
        f'fill="{laid[0]}" fill-opacity="{laid[1]}"/>'
    )


def _line(x1: Any, y1: Any, x2: Any, y2: Any) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{GRID}"/>'


def _text(x: Any, y: Any, said: str, anchor: str) -> str:
    at = f'x="{x}" y="{y}" text-anchor="{anchor}" fill="{WORD}"'
    return f"<text {at}>{escape(legal(str(said)))}</text>"


def legend(c: Json) -> list[Json]:
    """The lines and guides by name, with their little drawing."""
    found = []
    for one in c["lines"]:
        colour, dash = ink(one["style"])
        said = f"{one['name']} {one['figure']}".strip()
        found.append({"name": said, "svg": _sample(colour, dash)})
    return found + [{"name": name, "svg": _sample(GUIDE, "3 3")} for name in c["guides"]]


def _sample(colour: str, dash: str) -> str:
    drawn = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 22 8"><line x1="0" y1="4" x2="22" '
        f'y2="4" stroke="{colour}" stroke-width="2.2"{drawn}/></svg>'
    )
