"""What an uploaded file is, by its bytes: a table of some format, or an archive of pictures."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from recipes import uploads
from recipes.data.pictures import FORMATS, content, named
from recipes.data.sandbox import BadInput, Tell
from recipes.data.tables.excel import Excel
from recipes.data.tables.json_lines import JsonLines
from recipes.data.tables.parquet_rows import ParquetRows
from recipes.data.tables.reading import Reading, Source
from recipes.data.tables.separated import Separated
from recipes.data.tables.text import MARKS, text_in

HEAD = 64 << 10  # bytes
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
NEEDED = "A table (csv, tsv, JSON Lines, Parquet or Excel) or an archive of pictures is needed."
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b")) + b"\x7f"
FEW = 20  # characters of control that a short text may have
TABLES = tuple(f".{one}" for one in uploads.TABLES)


@dataclass(frozen=True)
class Found:
    """`format` is csv, tsv, jsonl, parquet, xlsx, xls or ods, or images for an archive."""

    format: str
    packed: bool = False


def found_in(path: Path, name: str, read: Reading) -> Found:
    """Raises BadInput with a sentence for what is neither a table nor an archive."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise BadInput(f"The file is empty: it has no byte in it. {NEEDED}")
    if head.startswith(b"PAR1"):
        return Found("parquet")
    if head.startswith(OLD_OFFICE):
        return Found("xls")
    if head.startswith(b"PK\x03\x04") or zipfile.is_zipfile(path):
        return Found(_zipped(path))
    packed = head.startswith(b"\x1f\x8b")
    head = _unpacked(head) if packed else head
    if head[257:262] == b"ustar":
        return Found("images")
    _check_text(head, read)
    return Found(_text_format(head, name, read), packed)


def _check_text(head: bytes, read: Reading) -> None:
    kind = content(head)
    if kind:
        why = "Upload pictures as a zip or tar.gz archive." if kind in FORMATS else NEEDED
        raise BadInput(f"The file is {named(kind)}. {why}")
    if not _is_text(head, read):
        raise BadInput(f"The file holds binary data of an unknown kind. {NEEDED}")


def open_source(path: Path, found: Found, read: Reading, tell: Tell) -> Source:
    """The reader of the format. Raises BadInput."""
    if found.format == "images":
        raise BadInput("The file is an archive. Import it as images, or unpack it: a table is "
                       "uploaded as it is, or packed with gzip.")  # fmt: skip
    if found.format == "parquet":
        return ParquetRows(path)
    if found.format in ("xlsx", "xls", "ods"):
        return Excel(path, read, found.format)
    text = text_in(path, packed=found.packed, wanted=read.encoding, tell=tell)
    format_ = found.format + (".gz" if found.packed else "")
    if found.format == "jsonl":
        return JsonLines(text, format_)
    return Separated(text, read, format_)


def _zipped(path: Path) -> str:
    """A workbook is a zip too."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()[:100_000]
            kind = archive.open("mimetype").read(60) if "mimetype" in entries else b""
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError):
        with path.open("rb") as file:  # their readers say what is wrong with it
            return "xlsx" if b"[Content_Types].xml" in file.read(HEAD) else "images"
    if "xl/workbook.xml" in entries or "xl/workbook.bin" in entries:
        return "xlsx"
    if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return "ods"
    files = [entry for entry in entries if not entry.endswith("/")]
    if files and all(entry.lower().endswith(TABLES) for entry in files):
        raise BadInput(
            f"The archive holds a table ({files[0][-80:]}). Unpack it and upload the table itself, "
            "as it is or packed with gzip."
        )
    return "images"


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD)
    except zlib.error as torn:
        raise BadInput(f"The file is damaged or cut off ({torn}). Upload it again.") from None


def _is_text(head: bytes, read: Reading) -> bool:
    if any(head.startswith(mark) for mark, _ in MARKS) or read.encoding.lower().startswith("utf-"):
        return True
    odd = len(head) - len(head.translate(None, CONTROL))
    return b"\0" not in head and (odd < FEW or odd * 10 <= len(head))


def _text_format(head: bytes, name: str, read: Reading) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    ending = name.lower().removesuffix(".gz")
    if start.startswith(b"{") and not read.delimiter:
        if ending.endswith(".json") and not start.partition(b"\n")[0].rstrip().endswith(b"}"):
            raise BadInput("The file is one JSON object over several lines. Write JSON Lines: "
                           "an object a line.")  # fmt: skip
        return "jsonl"
    if start.startswith((b"[{", b"[\n", b"[ ", b"[\r")) and ending.endswith((".json", ".jsonl")):
        raise BadInput("The file is one JSON array. Write JSON Lines: an object a line.")
    return "tsv" if read.delimiter == "\t" or ending.endswith(".tsv") else "csv"
