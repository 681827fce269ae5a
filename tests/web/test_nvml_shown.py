"""On which GPU NVML saw a training: told wherever its device is, and nowhere of one on the CPU."""

from typing import Any

from django.test import Client
from django.utils.html import escape

from tests.web import lab_stage
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.api.schemas import check
from trackside.api.shapes import SAVED_MODEL
from trackside.jobs.models import Job
from trackside.lab import services
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version

WHY = "NVML saw this job's process on GPU 1 (NVIDIA H200), with 3.2 GiB."
UNKNOWN = "NVML could not tell: the job ran in a container of its own."
SEEN = {"seen": True, "why": WHY, "memory": 3_435_973_836, "utilisation": None}


def keep(model: TrainedModel, told: dict[str, Any]) -> None:
    """As if the training had found it."""
    model.facts = {**model.facts, "nvml": told}
    model.save()
    Job.objects.filter(pk=model.job_id).update(result={"facts": model.facts})
    Version.objects.filter(trained_model=model).update(facts=model.facts)


def places(model: TrainedModel, name: str = "") -> list[str]:
    own = f"/p/INSECTS/trained-models/{model.pk}"
    deployed = [f"/p/INSECTS/models/{name}/"] if name else []
    return [f"{own}/training/", f"{own}/document/", f"/p/INSECTS/jobs/{model.job_id}/", *deployed]


def shown(client: Client, place: str) -> str:
    answer = client.get(place)
    assert answer.status_code == 200, place
    return answer.content.decode()


def test_a_model_of_a_table_says_where_nvml_saw_its_training(
    survivors: SavedModel, two: TrainedModel, ada: User, as_ben: Client
) -> None:
    lab_stage.tell(two.job_id or 0, "note", text="Done.")
    for place in places(two, "survivors"):
        assert "NVML" not in shown(as_ben, place), "it was trained on the CPU"
    keep(two, SEEN)
    for place in places(two, "survivors"):
        assert escape(WHY) in shown(as_ben, place), place
    told = Rest(ada).call("GET", "/projects/INSECTS/saved-models/survivors").json()
    check(told, SAVED_MODEL)
    assert told["versions"][0]["facts"]["nvml"] == SEEN


def test_what_nvml_could_not_tell_is_no_good_word(
    survivors: SavedModel, two: TrainedModel, as_ben: Client
) -> None:
    keep(two, SEEN)
    assert "On its GPU" in shown(as_ben, "/p/INSECTS/models/survivors/")
    keep(two, {**SEEN, "seen": None, "why": UNKNOWN})
    page = shown(as_ben, "/p/INSECTS/models/survivors/")
    assert UNKNOWN in page
    assert "Not known" in page
    assert "On its GPU" not in page


def test_a_document_says_what_the_training_found_when_it_read_the_model_back(
    two: TrainedModel, as_ben: Client
) -> None:
    page = shown(as_ben, f"/p/INSECTS/trained-models/{two.pk}/document/")
    assert two.facts["proof"]["why"] in page


def test_a_model_of_pictures_says_it_too(project: Project, ada: User, as_ben: Client) -> None:
    lab_stage.node("gpu-01", 1)
    session = services.train(lab_stage.analysis(project, ada), ada, {"kind": "cpu"}, "First")
    model = lab_stage.trained(session)
    for place in places(model):
        assert "NVML" not in shown(as_ben, place)
    keep(model, SEEN)
    for place in places(model):
        assert escape(WHY) in shown(as_ben, place), place
