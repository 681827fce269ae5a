"""Reads Pascal VOC annotations. Call inside the sandbox's child only."""

from typing import Any
from xml.parsers import expat

from recipes.data.layout import SPLITS, Annotation, Box

FIELDS = ("xmin", "ymin", "xmax", "ymax")
SIZE = 4 << 20  # bytes of one XML file


class BadAnnotation(Exception):
    """The XML is no Pascal VOC annotation; the message is a sentence."""


def parse(parts: tuple[str, ...], data: bytes) -> Annotation:
    """One annotation. Entities and document types are refused: no annotation needs them."""
    if len(data) > SIZE:
        raise BadAnnotation(f"The annotation is larger than {SIZE >> 20} MB.")
    reading = _Reading()
    try:
        reading.parser.Parse(data, True)
    except expat.ExpatError as torn:
        raise BadAnnotation(f"The XML is damaged ({torn}).") from None
    if reading.root != "annotation":
        raise BadAnnotation("It is XML, but no Pascal VOC annotation.")
    return Annotation(parts=parts, filename=reading.filename, boxes=tuple(reading.boxes))


def split_list(parts: tuple[str, ...], data: bytes) -> dict[str, str]:
    """The stems that `ImageSets/Main/train.txt` and its like put into a split; else nothing."""
    folders = [part.casefold() for part in parts[:-1]]
    split = SPLITS.get(parts[-1].removesuffix(".txt").casefold(), "")
    if "imagesets" not in folders or not split or len(data) > SIZE:
        return {}
    lines = data.decode("utf-8", "replace").splitlines()
    return {line.split()[0]: split for line in lines if line.strip()}


class _Reading:
    """What expat has told so far."""

    def __init__(self) -> None:
        self.root = ""
        self.filename = ""
        self.boxes: list[Box] = []
        self._path: list[str] = []
        self._text = ""
        self._object: dict[str, str] = {}
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words

    def _refuse(self, *_: Any) -> None:  # expat passes what differs by handler
        raise BadAnnotation("The XML declares a document type or entities, which is refused.")

    def _start(self, name: str, _: dict[str, str]) -> None:
        self.root = self.root or name
        self._path.append(name)
        self._text = ""
        if len(self._path) > 20:
            raise BadAnnotation("The XML is nested too deep.")
        if self._path[1:] == ["object"]:
            self._object = {}

    def _words(self, text: str) -> None:
        self._text += text

    def _end(self, _: str) -> None:
        path, text = self._path[1:], self._text.strip()
        self._path.pop()
        self._text = ""
        if path == ["filename"]:
            self.filename = text
        elif path == ["object", "name"]:
            self._object["label"] = text
        elif path[:2] == ["object", "bndbox"] and path[2:] and path[2] in FIELDS:
            self._object[path[2]] = text
        elif path == ["object"]:
            self.boxes.append(_box(self._object))


def _box(found: dict[str, str]) -> Box:
    try:
        box: Box = {name: float(found[name]) for name in FIELDS}
    except (KeyError, ValueError):
        raise BadAnnotation("A box has no readable xmin, ymin, xmax and ymax.") from None
    label = found.get("label", "")[:120]
    if not label or not all(abs(float(box[name])) < 1e6 for name in FIELDS):
        raise BadAnnotation("A box has no name or lies beyond every picture.")
    return {"label": label, **box}
