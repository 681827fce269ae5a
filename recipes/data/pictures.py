"""Opens pictures: the one decoder for intake, thumbnails, training, scoring and explanations.

Each rule below holds everywhere, so that a net meets in use what it met in training:

- JPEG, PNG, WebP, GIF, BMP and TIFF by content, whatever the name says; nothing else is parsed.
- At most 50 million pixels, checked in the header before a pixel is decoded.
- EXIF orientation is applied.
- 16-bit grey is scaled to 8 bits (Pillow's own conversion saturates it). 32-bit and float pictures
  have no known range and are refused.
- Anything transparent is laid over white. Palettes, 1-bit, grey and CMYK become RGB.
- Of several frames the first counts, and `Picture.doubt` says that it is probably no photograph.

A phone's MPO is a JPEG with a second picture behind it: it counts as JPEG, one frame.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy
from PIL import Image, UnidentifiedImageError

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
PIXELS = 50_000_000
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MODES = {"1": "1-bit", "L": "grey", "P": "palette", "I;16": "16-bit grey"}
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "Photoshop"),
    (b"PK\x03\x04", "zip archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"Rar!", "RAR archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ", "xz archive"),
    (b"\x00\x00\x01\x00", "icon"),
)
VOWELS = ("HTML", "SVG", "XML", "AVIF", "icon", "RAR archive", "xz archive")

# Pillow's own limit only warns up to 179 million pixels; ours is checked in `_header` instead.
Image.MAX_IMAGE_PIXELS = None


class BadPicture(Exception):
    """The file is no picture that can be used; the message is a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture: upright, RGB, 8 bits."""

    image: Image.Image
    format: str
    mode: str
    frames: int

    @property
    def doubt(self) -> str:
        """Why this is probably not a photograph, or ''."""
        if self.format != "GIF" and self.frames == 1:
            return ""
        mode = MODES.get(self.mode, self.mode)
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        return f"{self.format}, {mode}, {frames}: not a photograph"


def open_rgb(source: str | Path | BinaryIO) -> Image.Image:
    """The picture as upright 8-bit RGB. Raises BadPicture."""
    return read(source).image


def read(source: str | Path | BinaryIO) -> Picture:
    """The picture and what the file was. Decodes everything. Raises BadPicture."""
    try:
        with _header(source) as image:
            frames = _frames(image)
            format_ = "JPEG" if image.format == "MPO" else str(image.format)
            mode = image.mode
            image.load()
            return Picture(image=_rgb(_upright(image)), format=format_, mode=mode, frames=frames)
    except BadPicture:
        raise
    except MemoryError:
        raise BadPicture("Decoding it needs more memory than a picture may take.") from None
    except Exception as broken:  # decoders raise nearly anything on damaged bytes
        raise BadPicture(_damage(broken)) from broken


def content(head: bytes) -> str:
    """What the first bytes of a file say that it is, or ''. 64 bytes are enough."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return {b"avif": "AVIF", b"heic": "HEIC", b"mif1": "HEIC"}.get(brand, "video")
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "HTML"
    return "SVG" if start.startswith(b"<svg") else "XML" if start.startswith(b"<?xml") else ""


def named(kind: str) -> str:
    """What `content` found, with its article."""
    if not kind:
        return "of an unknown kind"
    article = "an" if kind in VOWELS else "a"
    return f"{article} {kind}" if kind[0].islower() or " " in kind else f"{article} {kind} file"


def _header(source: str | Path | BinaryIO) -> Image.Image:
    try:
        image = Image.open(source, formats=list(FORMATS))
    except UnidentifiedImageError:
        raise BadPicture(_unknown(source)) from None
    width, height = image.size
    if width * height > PIXELS:
        image.close()
        raise BadPicture(
            f"It has {width} x {height} pixels; at most {PIXELS // 1_000_000} million are taken."
        )
    return image


def _unknown(source: str | Path | BinaryIO) -> str:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            head = file.read(64)
    else:
        source.seek(0)
        head = source.read(64)
    if not head:
        return "The file is empty."
    kind = content(head)
    if kind in FORMATS:
        return f"It begins like a {kind} picture, but its header is damaged."
    formats = ", ".join(FORMATS)
    return f"It is {named(kind)}, not a picture in one of the formats {formats}."


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":
        return 1
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1:
        image.seek(0)
    return frames


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF says nothing about the pixels
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        wide = numpy.asarray(image).astype(numpy.uint32)
        narrow = ((wide * 255 + 32767) // 65535).astype(numpy.uint8)
        return Image.fromarray(narrow).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadPicture(
            "Its values are 32 bits wide and have no known range: save it as 8 or 16 bits."
        )
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    if image.mode == "RGB":
        return image.copy()
    return image.convert("RGB")


def _damage(broken: Exception) -> str:
    text = str(broken).strip().rstrip(".") or type(broken).__name__
    if "truncated" in text.lower():
        return "The file is cut off: a part of the picture is missing."
    return f"The picture is damaged ({text})."
