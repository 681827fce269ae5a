"""Loaded by pytest before Django's settings: every run has a home of its own, gone afterwards."""

import os
import shutil
import tempfile

import pytest

HOME = tempfile.mkdtemp(prefix="ts-")
os.environ["TRACKSIDE_HOME"] = HOME
os.environ.setdefault("TESTS_OF_THIS_RUN", HOME)  # of the first process, for all that it starts
os.mkdir(os.path.join(HOME, "static"))  # what `make` collects; WhiteNoise warns without it
for _name in ("STORAGE", "FAKE_GPUS", "URL", "HOSTS", "DEBUG", "UPLOAD_MAX_MB"):
    os.environ.pop(f"TRACKSIDE_{_name}", None)
for _name in ("BROKER_URL", "SECRET_KEY", "PORT"):
    os.environ.pop(_name, None)
# Threads of OpenMP that wait for each other do not spin: the cores are those of other tests too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Several processes add a folder to each test's path, and a socket's path must stay short."""
    if config.getoption("numprocesses", None) and config.option.basetemp is None:
        config.option.basetemp = os.path.join(HOME, "t")


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
