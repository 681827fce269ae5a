"""What scoring may be pointed at: a dataset, a folder, an archive or one picture."""

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from recipes.data.archive import BadMember, open_archive
from recipes.data.layout import is_junk, parts_of
from recipes.data.listing import BadData
from recipes.data.pictures import FORMATS, content

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
HEAD = 64


def as_dataset(given: Path, draft: Path) -> Path:
    """A dataset folder that lists the pictures of `given`; it may be `given` itself.

    A file counts when its bytes or its name say that it is a picture: a damaged one is then listed
    with an empty prediction instead of being passed over.
    """
    if not given.exists():
        raise BadData(f"There is no {given}.")
    if (given / "index.jsonl").exists():
        return given
    draft.mkdir(parents=True, exist_ok=True)
    if given.is_dir():
        found = _folder(given)
    elif _is_picture(given.name, given.read_bytes()[:HEAD]):
        found = iter([(given.name, given)])
    else:
        found = _archive(given, draft / "files")
    count = 0
    with (draft / "index.jsonl").open("w") as out:
        for path, file in found:
            label = PurePosixPath(path).parent.name  # the truth, where somebody judges by it
            line = {"number": count, "path": path, "file": str(file.resolve()), "label": label}
            out.write(json.dumps(line) + "\n")
            count += 1
    if not count:
        raise BadData(f"There is no picture in {given}.")
    return draft


def _folder(home: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(home):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            path = file.relative_to(home).as_posix()
            if is_junk(parts_of(path)) or not file.is_file():
                continue
            with file.open("rb") as source:
                head = source.read(HEAD)
            if _is_picture(name, head):
                yield path, file


def _archive(file: Path, place: Path) -> Iterator[tuple[str, Path]]:
    place.mkdir()
    for member, data in open_archive(file).read(0):
        if member.folder or is_junk(parts_of(member.name)):
            continue
        whole = b"" if isinstance(data, BadMember) else data
        if _is_picture(member.name, whole[:HEAD]):
            copy = place / str(member.index)
            copy.write_bytes(whole)
            yield member.name, copy


def _is_picture(name: str, head: bytes) -> bool:
    return content(head) in FORMATS or Path(name).suffix.lower() in SUFFIXES
