"""A scorer whose library is built for the CPU takes no GPU: its node says so, and the job too."""

from pathlib import Path

import onnxruntime
import pytest
import torch

from recipes import builds
from recipes.job import BadJob
from recipes.scorers import absent, onnx
from tests.recipes.test_scoring_engines import home, scored

__all__ = ["home"]  # a fixture


def test_a_build_that_knows_no_gpu_is_refused_before_it_predicts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA Stand-in")
    said = "The ONNX Runtime that is installed here is built for the CPU alone: choose the CPU"
    with pytest.raises(BadJob, match=said):
        scored(home, "no provider", "onnx", "cuda")
    assert not (home / "no provider" / "output").exists()
    assert absent("onnx", "cpu") == absent("nvforest", "cuda") == absent("own", "cuda") == ""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    assert absent("onnx", "cuda") == ""

    def broken() -> list[str]:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(onnxruntime, "get_available_providers", broken)
    assert "ONNX Runtime cannot be loaded here: libcudart" in absent("onnx", "cuda")


def test_the_node_asks_onnx_runtime_for_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    assert builds.asked({"onnx": "1"}) == {"onnx": "cpu"}
    monkeypatch.setattr(onnx, "knows_gpus", lambda: True)
    assert builds.asked({"onnx": "1"}) == {"onnx": "gpu"}
