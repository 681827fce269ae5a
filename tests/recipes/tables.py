"""A table taken in, and what came of it."""

import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recipes.data.sandbox import Limits
from recipes.data.tables.take_in import LIMITS, take_in
from recipes.events import Journal


class Taken:
    """The dataset's folder, read."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        self.columns = json.loads((folder / "columns.json").read_text())
        lines = (folder / "problems.jsonl").read_text().splitlines()
        self.problems = [json.loads(line) for line in lines]

    @property
    def table(self) -> pa.Table:
        return pq.read_table(self.folder / "table.parquet")

    @property
    def types(self) -> dict[str, str]:
        return {one["name"]: one["type"] for one in self.columns}

    def column(self, name: str) -> dict[str, Any]:
        return next(one for one in self.columns if one["name"] == name)

    def values(self, name: str) -> list[Any]:
        found: list[Any] = self.table.column(name).to_pylist()
        return found

    def why(self, where: str) -> str:
        return " ".join(one["what"] for one in self.problems if one["where"] == where)


def taken(home: Path, data: bytes | str | Path, name: str = "x.csv", **spec: Any) -> Taken:
    """`limits` beside the fields of the job's spec."""
    limits: Limits = spec.pop("limits", LIMITS)
    number = len(list(home.glob("job*")))
    folder = home / f"job{number}"
    folder.mkdir()
    path = data if isinstance(data, Path) else folder / name
    if not isinstance(data, Path):
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    journal = Journal(folder)
    try:
        facts = take_in(path, name, folder / "output", journal, spec, limits)
    finally:
        journal.close()
    return Taken(folder / "output", facts)


def at(moment: str) -> datetime:
    """A moment without a zone, as tables have them."""
    return datetime.fromisoformat(moment)


TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    """An xlsx. A cell is text, a number, a bool, None, or ("day", number since 1899-12-30)."""
    names = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="r{place}"/>'
        for place, name in enumerate(sheets, 1)
    )
    targets = "".join(
        f'<Relationship Id="r{place}" Type="{OFFICE}/worksheet" Target="worksheets/s{place}.xml"/>'
        for place in range(1, len(sheets) + 1)
    )
    styles = f'<Relationship Id="r0" Type="{OFFICE}/styles" Target="styles.xml"/>'
    root = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": f"{RELATIONS}{root}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}">'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"{RELATIONS}{targets}{styles}</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    for place, rows in enumerate(sheets.values(), 1):
        cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{place}.xml"] = (
            f'<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, f'<?xml version="1.0"?>{text}')
    return path


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, tuple):
        return f'<c s="{1 if value[1] == int(value[1]) else 2}"><v>{value[1]}</v></c>'
    if isinstance(value, str):
        kind = "e" if value.startswith("#") else "inlineStr"
        text = f"<v>{value}</v>" if kind == "e" else f"<is><t>{value}</t></is>"
        return f'<c t="{kind}">{text}</c>'
    return f"<c><v>{value!r}</v></c>"
