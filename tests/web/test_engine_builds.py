"""An engine whose library is built for the CPU takes no GPU: said before a job begins."""

from typing import Any

import pytest
from django.test import Client

from tests.web.test_engines import WITH, new, node, of, queued
from tests.web.test_table_scoring import scoring
from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.datasets.models import Dataset
from trackside.jobs import services as jobs
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

__all__ = ["new", "of"]  # fixtures
FOREST = {"algorithm": "random_forest"}


def on_gpu(made: Node) -> None:
    """Its ONNX Runtime is one that was built for GPUs."""
    made.catalogue = {**made.catalogue, "gpu_builds": ["onnx"]}
    made.save()


@pytest.mark.parametrize(("engine", "more"), [("onnx", {}), ("onnx", FOREST), ("fastest", FOREST)])
def test_no_gpu_is_taken_where_the_library_is_built_for_the_cpu(
    project: Project, ada: User, engine: str, more: dict[str, Any]
) -> None:
    one, other = node("a-plain", WITH), node("built", WITH)
    chosen = {"kind": "gpus", "uuids": ["GPU-a-plain-0"]}
    for compute in (chosen, {"kind": "any", "count": 1}):
        with pytest.raises(jobs.BadCompute, match="No machine's ONNX Runtime is built for GPUs: d"):
            queued(project, ada, engine, compute, **more)
    assert not Job.objects.exists()
    on_gpu(other)
    with pytest.raises(jobs.BadCompute, match="ONNX Runtime of a-plain is built for the CPU alone"):
        queued(project, ada, engine, chosen, **more)
    job = queued(project, ada, engine, {"kind": "any", "count": 1}, **more)
    assert Attempt.objects.get(job=job).node == other, "the free GPU of a-plain is none for it"
    assert Attempt.objects.get(job=queued(project, ada, engine, {"kind": "cpu"}, **more))
    one.simulated = True
    one.save()
    assert Attempt.objects.get(job=queued(project, ada, engine, chosen, **more)).node == one


def test_another_engine_that_knows_the_gpu_is_enough(project: Project, ada: User) -> None:
    node("rich", {**WITH, "nvforest": "26.10.0"})
    job = queued(project, ada, "fastest", {"kind": "any", "count": 1}, **FOREST)
    assert Attempt.objects.get(job=job).node.name == "rich"


def test_the_form_offers_no_gpu_to_engines_that_are_built_for_the_cpu(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, of: Any
) -> None:
    one = node("plain", WITH)
    there = f"/p/INSECTS/recipes/{scoring(survivors, new, ada).name}/"
    of("random_forest")
    said = "Random forest scores on the CPU alone."
    assert said in as_ben.get(there).content.decode()
    on_gpu(one)
    assert said not in as_ben.get(there).content.decode()
