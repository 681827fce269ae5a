"""Tests that need an NVIDIA GPU: they are skipped, with the reason, where there is none."""

import pynvml
import pytest


def _uuids() -> list[str]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    count = pynvml.nvmlDeviceGetCount()
    return [pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(count)]


@pytest.fixture(scope="session")
def uuids() -> list[str]:
    found = _uuids()
    if not found:
        pytest.skip("this machine has no NVIDIA GPU that NVML can see")
    return found
