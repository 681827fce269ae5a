"""The child's part of an import: opens the archive, decodes each picture whole, keeps the good.

It tells `members` (how many there are), `at` (the entry it turns to next), and of each entry a
`picture`, a `problem`, an `annotation`, a `list` of a split, or a `folder`: one JSON line each.
"""

import errno
import hashlib
import io
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from recipes.data import pictures, voc
from recipes.data.archive import BadMember, Member, open_archive
from recipes.data.layout import is_junk, parts_of
from recipes.data.sandbox import BadInput, Line, Tell

THUMB = 256  # pixels on the longer side
EXTENSIONS = {
    *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff"),
    *("heic", "heif", "avif", "svg", "ico", "psd", "eps", "jp2", "raw", "dng", "cr2", "nef"),
}
Decoder = Callable[[bytes], pictures.Picture]


def decode(data: bytes) -> pictures.Picture:
    """The decoder for all but the tests, which bring ones that crash."""
    return pictures.read(io.BytesIO(data))


def unpack(path: Path, shelf: "Shelf", decoder: Decoder, start: int, tell: Tell) -> None:
    """Entries of the archive from `start` on."""
    archive = open_archive(path)
    names = [parts_of(member.name) for member in archive.members]
    tell({"members": len(names)})
    if start < len(names):
        tell({"at": start, "parts": names[start]})
    for member, data in archive.read(start):
        try:
            told = _entry(member, names[member.index], data, shelf, decoder)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BadInput("The disk is full: nothing was imported.") from None
            raise
        if told:
            tell(told)
        after = member.index + 1
        tell({"at": after, "parts": names[after] if after < len(names) else ()})


class Shelf:
    """Puts good pictures away under numbers of ours: `files/00/17.jpg` and `thumbs/00/17.webp`."""

    def __init__(self, into: Path, number: int) -> None:
        self._into = into
        self._number = number

    def keep(self, data: bytes, picture: pictures.Picture) -> Line:
        """The picture's part of its line in the index."""
        number = self._number
        nest = f"{number // 1000:02d}"
        file = f"files/{nest}/{number}.{pictures.FORMATS[picture.format]}"
        thumb = thumbnail(picture.image)
        width, height = picture.image.size
        self._write(file, data)
        self._write(f"thumbs/{nest}/{number}.webp", thumb)
        self._number += 1
        return {
            "number": number,
            "file": file,
            "width": width,
            "height": height,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }

    def _write(self, name: str, data: bytes) -> None:
        path = self._into / name
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def thumbnail(image: Image.Image) -> bytes:
    """WebP, at most 256 px; a smaller picture is not blown up."""
    small = image
    if max(image.size) > THUMB:
        small = image.copy()
        small.thumbnail((THUMB, THUMB), Image.Resampling.BICUBIC, reducing_gap=2.0)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


def _entry(
    member: Member,
    parts: tuple[str, ...],
    data: bytes | BadMember,
    shelf: Shelf,
    decoder: Decoder,
) -> Line | None:
    if not parts or is_junk(parts):
        return None
    if member.folder:
        return {"folder": parts}
    if isinstance(data, BadMember):
        return _problem(parts, str(data))
    kind = pictures.content(data[:64])
    ending = parts[-1].rpartition(".")[2].casefold()
    if kind in pictures.FORMATS or (ending in EXTENSIONS and kind != "XML"):
        return _picture(parts, data, shelf, decoder)
    if ending == "xml" or kind == "XML":
        return _annotation(parts, data)
    if "imagesets" in (part.casefold() for part in parts[:-1]):
        return {"list": voc.split_list(parts, data)}
    if "archive" in kind:
        return _problem(parts, "An archive inside the archive is not opened.")
    return _problem(parts, f"It is {pictures.named(kind)}, not a picture.")


def _picture(parts: tuple[str, ...], data: bytes, shelf: Shelf, decoder: Decoder) -> Line:
    try:
        picture = decoder(data)
        kept = shelf.keep(data, picture)
    except pictures.BadPicture as bad:
        return _problem(parts, str(bad))
    except MemoryError:
        return _problem(parts, "It needs more memory than a picture may take.")
    return {"picture": {"parts": parts, "doubt": picture.doubt, **kept}}


def _annotation(parts: tuple[str, ...], data: bytes) -> Line:
    try:
        return {"annotation": asdict(voc.parse(parts, data))}
    except voc.BadAnnotation as bad:
        return _problem(parts, str(bad))


def _problem(parts: tuple[str, ...], what: str) -> Line:
    return {"problem": {"parts": parts, "what": what}}
