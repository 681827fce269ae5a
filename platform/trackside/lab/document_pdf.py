"""The document as a PDF, set by Typst: searchable, tagged, with page numbers.

All that comes from people is handed over as data, never as markup.
"""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from trackside.lab.document_svg import legal, legend, svg
from trackside.lab.trouble import Busy, Refused

Json = dict[str, Any]
SOURCE = Path(__file__).with_name("document.typ")
LONG = re.compile(r"(?![0-9a-f]{64}\b)\S{24,}")
SOFT = "\u200b"  # where a long word may be broken
EVERY = 12
FORGOTTEN = 11  # Typst keeps a document's parts until ten more are made: empty ones push them out
ONE_AT_A_TIME = ThreadPoolExecutor(max_workers=1, thread_name_prefix="typst")  # one core, one heap
WAITING = 8
PLACES = BoundedSemaphore(1 + WAITING)  # each that waits holds a thread of the web process
log = logging.getLogger(__name__)


def pdf(found: Json) -> bytes:
    """`found`: what document() answers. Takes some tenths of a second. Raises Busy, Refused."""
    if not PLACES.acquire(blocking=False):
        raise Busy(f"{WAITING} documents wait to be set already. Try again in a minute.")
    try:
        made = {**found, "sections": [_section(one) for one in found["sections"]]}
        data = json.dumps(_breakable(made), ensure_ascii=False, allow_nan=False)
        return ONE_AT_A_TIME.submit(_set, data).result()
    except ValueError as wrong:
        log.exception("A document cannot be set")
        raise Refused("This PDF cannot be set. Print the page instead.") from wrong
    finally:
        PLACES.release()


def _set(data: str) -> bytes:
    import typst  # noqa: PLC0415 - 50 MB that a web process needs for this alone

    try:
        answer = typst.compile(SOURCE, root=SOURCE.parent, sys_inputs={"data": data})
    except typst.TypstError as wrong:
        raise ValueError(str(wrong)) from None
    empty = typst.Compiler(b"", ignore_system_fonts=True)
    for _ in range(FORGOTTEN):
        empty.compile(b"")
    return bytes(answer)


def _section(one: Json) -> Json:
    return {**one, "blocks": [_block(each) for each in one["blocks"]]}


def _block(one: Json) -> Json:
    if one["kind"] != "figure":
        return one
    chart = one["chart"]
    return {"kind": "figure", "title": one["title"], "help": one["help"], "svg": svg(chart),
            "label": chart["label"], "legend": legend(chart)}  # fmt: skip


def _breakable(value: Any, name: str = "") -> Any:
    """Long words get places to break at; drawings, which are legal, stay as they are."""
    if isinstance(value, dict):
        return {key: _breakable(one, key) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_breakable(one, name) for one in value]
    if isinstance(value, str) and name != "svg":
        return LONG.sub(lambda found: _cut(found[0]), legal(value))
    return value


def _cut(word: str) -> str:
    return SOFT.join(word[at : at + EVERY] for at in range(0, len(word), EVERY))
