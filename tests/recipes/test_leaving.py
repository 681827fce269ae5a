"""What a job still does when it is told to end."""

import subprocess
import sys

TWICE = """
import os, signal
from recipes import leaving
signal.signal(signal.SIGTERM, lambda *_: leaving.leave(7))
signal.alarm(60)  # who waits for itself is ended
def slow():
    print("first", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
leaving.LAST.extend([lambda: print("last", flush=True), slow])
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""


def test_who_is_told_twice_leaves_once_and_does_what_is_left() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TWICE], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.split()) == (7, ["first", "last"])
