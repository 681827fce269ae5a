"""Reads a zip or tar archive member by member. Call inside the sandbox's child only.

Nothing is ever extracted by the archive's own names. An archive that lies about itself is refused
as a whole; a member that is no regular file, or is too large, is a problem of that member alone.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recipes.data.pictures import content
from recipes.data.sandbox import BadInput

MEMBERS = 100_000
TOTAL = 50 << 30  # bytes in all members together
MEMBER = 100 << 20  # bytes in one member
RATIO = 200  # bytes out per byte in, looked at from RATIO_FROM bytes on
RATIO_FROM = 100 << 20
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
TORN = (zipfile.BadZipFile, zlib.error, tarfile.TarError, EOFError, OSError, ValueError)


class BadMember(Exception):
    """This member cannot be read; the message is a sentence."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of the archive. `name` is what the archive calls it and no path of ours."""

    index: int
    name: str
    size: int
    folder: bool = False
    trouble: str = ""  # why it cannot be read, a sentence


class Archive(Protocol):
    """Members in the archive's order. `read` goes on from an index and yields the bytes of each."""

    members: list[Member]

    def read(self, start: int) -> Iterator[tuple[Member, bytes | BadMember]]: ...


def open_archive(path: Path) -> Archive:
    """The archive in this file, whatever its name ends in. Raises BadInput."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise BadInput("The file is empty. Upload a zip or tar.gz archive of pictures.")
    try:
        if zipfile.is_zipfile(path):
            return Zip(path)
        if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar":
            return Tar(path, packed=head[:2] == b"\x1f\x8b")
    except TORN as torn:
        raise BadInput(f"The archive is damaged or cut off ({torn}). Upload it again.") from torn
    raise BadInput(_no_archive(head))


class Zip:
    """A zip file, read through its directory."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        entries = self._zip.infolist()
        _check_count(len(entries))
        if any(entry.flag_bits & 1 for entry in entries):
            raise BadInput("The archive is protected by a password. Make one without.")
        _check_overlap(entries, self._zip.start_dir)
        _check_size(sum(entry.file_size for entry in entries), path.stat().st_size)
        self._entries = entries
        self.members = [
            Member(
                index=index,
                name=entry.filename,
                size=entry.file_size,
                folder=entry.is_dir(),
                trouble=_zip_trouble(entry),
            )
            for index, entry in enumerate(entries)
        ]

    def read(self, start: int) -> Iterator[tuple[Member, bytes | BadMember]]:
        for member in self.members[start:]:
            yield member, self._bytes(member)

    def _bytes(self, member: Member) -> bytes | BadMember:
        if member.folder or member.trouble:
            return BadMember(member.trouble)
        try:
            with self._zip.open(self._entries[member.index]) as file:
                data = file.read(MEMBER + 1)
        # The last two are zipfile's, for what only the file's own header claims: patched, locked.
        except (*TORN, NotImplementedError, RuntimeError) as torn:
            return BadMember(f"It is damaged in the archive ({torn}).")
        return data if len(data) == member.size else BadMember("It is cut off in the archive.")


class Tar:
    """A tar file, plain or gzipped. It has no directory, so it is read once to list it."""

    def __init__(self, path: Path, *, packed: bool) -> None:
        self._path = path
        self._mode = "r|gz" if packed else "r|"
        self.members = []
        total, most = 0, max(RATIO_FROM, path.stat().st_size * RATIO)
        with self._open() as tar:
            for index, entry in enumerate(tar):
                _check_count(index + 1)
                total += entry.size
                if total > min(TOTAL, most):
                    _check_size(total, path.stat().st_size)
                self.members.append(_tar_member(index, entry))
                tar.members.clear()  # type: ignore[attr-defined]  # would pile up

    def read(self, start: int) -> Iterator[tuple[Member, bytes | BadMember]]:
        with self._open() as tar:
            for member, entry in zip(self.members, tar, strict=False):
                tar.members.clear()  # type: ignore[attr-defined]
                if member.index >= start:
                    yield member, self._bytes(tar, member, entry)

    def _open(self) -> tarfile.TarFile:
        return tarfile.open(self._path, self._mode)  # type: ignore[call-overload, no-any-return]

    def _bytes(
        self, tar: tarfile.TarFile, member: Member, entry: tarfile.TarInfo
    ) -> bytes | BadMember:
        if member.folder or member.trouble:
            return BadMember(member.trouble)
        try:
            file = tar.extractfile(entry)
            data = file.read(MEMBER + 1) if file else b""
        except TORN as torn:
            return BadMember(f"It is damaged in the archive ({torn}).")
        return data if len(data) == member.size else BadMember("It is cut off in the archive.")


def _check_count(count: int) -> None:
    if count > MEMBERS:
        raise BadInput(f"The archive has more than {MEMBERS:,} entries. Split it into several.")


def _check_size(total: int, packed: int) -> None:
    if total > TOTAL:
        raise BadInput(f"The archive unpacks to more than {TOTAL >> 30} GB. Split it into several.")
    if total > RATIO_FROM and total > RATIO * max(packed, 1):
        raise BadInput(
            f"The archive unpacks to more than {RATIO} times its size, as pictures never do."
        )


def _check_overlap(entries: list[zipfile.ZipInfo], end: int) -> None:
    """Entries that share bytes are a bomb; Python 3.11.7 does not see them."""
    placed = sorted((one.header_offset, one.compress_size) for one in entries)
    follows = [offset for offset, _ in placed[1:]] + [end]
    for (offset, size), after in zip(placed, follows, strict=False):
        if offset + 30 + size > after:
            raise BadInput("Entries of the archive overlap: it is damaged or made to do harm.")


def _zip_trouble(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "It is a link or a device, not a file."
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        return f"It is packed with {method}, which is not opened. Use an ordinary zip."
    return _too_large(entry.file_size)


def _tar_member(index: int, entry: tarfile.TarInfo) -> Member:
    trouble = _too_large(entry.size)
    if not (entry.isreg() or entry.isdir()) or entry.issparse():
        trouble = "It is a link or a device, not a file."
    return Member(
        index=index, name=entry.name, size=entry.size, folder=entry.isdir(), trouble=trouble
    )


def _too_large(size: int) -> str:
    return f"It is larger than {MEMBER >> 20} MB." if size > MEMBER else ""


def _no_archive(head: bytes) -> str:
    kind = content(head)
    what = {
        "": "neither a zip nor a tar.gz archive, or it is cut off at the end",
        "zip archive": "a zip archive that is cut off: its end is missing. Upload it again",
    }
    said = what.get(kind, f"{kind} content, not an archive of pictures")
    return f"The file is {said}. A zip or tar.gz of pictures is needed."
