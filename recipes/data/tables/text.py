"""The text in a file, as UTF-8, a chunk at a time: unpacked, its encoding found out."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from recipes.data.sandbox import BadInput, Tell
from recipes.data.tables.problems import Problems

MARKS = (  # the longer ones first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GUESSES = ("cp1252", "latin-1")  # where it is not UTF-8; the second takes any byte
CHUNK = 8 << 20  # bytes
HEAD = 256 << 10  # bytes
UNPACKED = 200 << 30  # bytes; a small file may unpack to no more


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text file that is known to be in `encoding`. `doubt` says why that is a guess, or is ''."""

    path: Path
    packed: bool  # with gzip
    encoding: str
    doubt: str = ""

    def doubted(self, problems: Problems) -> None:
        """Told as a problem, where there is a doubt."""
        where, _, what = self.doubt.partition(": ")
        if what:
            problems.add(where, what)

    def chunks(self, size: int = CHUNK) -> Iterator[tuple[bytes, int]]:
        """UTF-8 without a mark, and how many bytes of the file are read. Lines end with \\n."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        first, returns = True, False
        for raw, done in _raw(self.path, self.packed, size):
            data = raw if self.encoding == "utf-8" else decoder.decode(raw).encode()
            if first:
                first = False
                data = data.removeprefix(codecs.BOM_UTF8)
                returns = b"\r" in data and b"\n" not in data
            yield (data.replace(b"\r", b"\n") if returns else data), done

    def head(self) -> str:
        """The first lines."""
        text = next(self.chunks(HEAD), (b"", 0))[0].decode("utf-8", "ignore")
        whole = text.rfind("\n") + 1
        return text[:whole] if whole and len(text) > HEAD // 8 else text


def text_in(path: Path, *, packed: bool, wanted: str, tell: Tell) -> Text:
    """Reads the whole file once to know its encoding. Raises BadInput where it is not `wanted`."""
    with _opened(path, packed) as (file, _):
        head = file.read(4)
    marked = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    encoding = codecs.lookup(wanted or marked).name
    line = _wrong_line(path, packed, encoding, tell)
    if not line:
        return Text(path=path, packed=packed, encoding=encoding)
    if wanted:
        raise BadInput(
            f"The file is not {wanted}: line {line} has bytes that mean nothing in it. "
            "Choose another encoding, or none to have it found out."
        )
    guess = next(one for one in GUESSES if not _wrong_line(path, packed, one, tell))
    doubt = f"It is not UTF-8, so the file is read as {guess}: look at its accents."
    return Text(path=path, packed=packed, encoding=guess, doubt=f"line {line}: {doubt}")


def _wrong_line(path: Path, packed: bool, encoding: str, tell: Tell) -> int:
    """The first line that is not in the encoding, or 0."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    for raw, done in _raw(path, packed, CHUNK):
        tell({"looked": done})
        try:
            decoder.decode(raw)
        except UnicodeDecodeError as wrong:
            return lines + wrong.object[: wrong.start].count(b"\n")
        lines += raw.count(b"\n")
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return lines
    return 0


def _raw(path: Path, packed: bool, size: int) -> Iterator[tuple[bytes, int]]:
    """Bytes as they are in the file, unpacked, and how far in the file that is."""
    unpacked = 0
    with _opened(path, packed) as (file, place):
        while chunk := _read(file, size):
            unpacked += len(chunk)
            if unpacked > UNPACKED:
                raise BadInput(f"The file unpacks to more than {UNPACKED >> 30} GB.")
            yield chunk, place.tell()


def _read(file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except (gzip.BadGzipFile, zlib.error, EOFError) as torn:
        raise BadInput(f"The file is damaged or cut off ({torn}). Upload it again.") from None


@contextmanager
def _opened(path: Path, packed: bool) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """What to read from, and the file itself, which tells how far that is."""
    with path.open("rb") as file:
        if not packed:
            yield file, file
            return
        with gzip.GzipFile(fileobj=file) as inner:
            yield cast(BinaryIO, inner), file
