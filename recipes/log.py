"""`log.txt`: what the ranks print, through a pipe, so that no program can fill the disk."""

import os
import re
from pathlib import Path

LIMIT = 10 * 2**20
# "ValueError: why" or a bare name: other ranks print between the lines of a traceback.
_ERROR = re.compile(r"[A-Za-z_][\w.]*(: |$)")
_FULL = b"\n[log.txt holds 10 MB; what follows is left out]\n"


class Log:
    """The leader reads what the ranks write, appends up to the limit, and shows it by hand too."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._room = limit - os.fstat(self._out).st_size
        self._read, self._write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read, False)
        self._tail = b""
        self._screen = not _same_file(self._out, 1)

    def become_output(self) -> None:
        """In a rank: stdin is empty, stdout and stderr are the pipe."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(self._write, 1)
        os.dup2(self._write, 2)
        for descriptor in (nothing, self._out, self._read, self._write):
            os.close(descriptor)

    def close_input(self) -> None:
        """In the leader, after the last fork: the pipe ends with the last rank."""
        os.close(self._write)

    def inputs(self) -> list[int]:
        """What to wait for."""
        return [self._read] if self._read >= 0 else []

    def copy(self) -> None:
        """Move over what has come, without waiting."""
        while self._read >= 0:
            try:
                piece = os.read(self._read, 65536)
            except BlockingIOError:
                return
            if not piece:
                os.close(self._read)
                self._read = -1
                return
            self._keep(piece)

    def close(self) -> None:
        self.copy()
        for descriptor in (self._out, *self.inputs()):
            os.close(descriptor)
        self._read = -1

    def last_line(self) -> str:
        """The error of the last traceback in Python, else the last line that says something."""
        lines = self._tail.decode(errors="replace").splitlines()
        begins = [n for n, line in enumerate(lines) if line.startswith("Traceback (")]
        after = lines[begins[-1] + 1 :] if begins else []
        error = next((line for line in after if _ERROR.match(line)), "")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return (error or last).strip()[:300]

    def _keep(self, piece: bytes) -> None:
        self._tail = (self._tail + piece)[-4096:]
        if self._room > 0:
            _write(self._out, piece[: self._room])
            if len(piece) >= self._room:
                _write(self._out, _FULL)
            self._room -= len(piece)
        if self._screen:
            self._screen = _write(1, piece)


def _write(descriptor: int, piece: bytes) -> bool:
    """All of it; False when nobody can take it: a full disk or a closed screen ends no job."""
    try:
        while piece:
            piece = piece[os.write(descriptor, piece) :]
    except OSError:
        return False
    return True


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return True  # there is no screen
