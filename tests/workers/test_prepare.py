"""Without the supervisor too, nothing starts on settings that would be unsafe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BROKER_URL", "redis://10.0.0.1:6379/0", "BROKER_URL names 10.0.0.1 without a password."),
        ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1", "it would let a weights file run code"),
    ],
)
def test_the_preparation_refuses_unsafe_settings_and_touches_nothing(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-m", "workers.prepare", "--without-pages"],
        cwd=ROOT,
        env={**os.environ, "TRACKSIDE_HOME": str(home), name: value},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not (home / "trackside.sqlite3").exists()
