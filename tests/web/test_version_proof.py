"""What a training found when it read its saved model back: kept with the version and shown."""

from typing import Any

from django.test import Client

from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.api.schemas import check
from trackside.api.shapes import SAVED_MODEL
from trackside.saved_models import services
from trackside.saved_models.models import SavedModel, Version

MODEL = "/p/INSECTS/models/survivors/"
SAVED = "/projects/INSECTS/saved-models/survivors"


def changed(version: Version, proof: dict[str, Any] | None) -> None:
    version.facts = {**version.facts, "proof": proof}
    version.save()


def test_a_version_keeps_what_its_training_proved(
    survivors: SavedModel, ada: User, as_ben: Client
) -> None:
    version = survivors.versions.get()
    proof = version.facts["proof"]
    assert (proof["agrees"], proof["on"], proof["device"]) == (True, "cpu", version.facts["device"])
    assert 0 < proof["rows"] <= version.facts["rows"]["val"]
    assert 0 <= proof["difference"] <= proof["tolerance"]
    told = Rest(ada).call("GET", SAVED).json()
    check(told, SAVED_MODEL)
    assert told["versions"][0]["proof"] == proof
    page = as_ben.get(MODEL).content.decode()
    assert "Read back on the CPU, the saved model predicts as the trained one does, to" in page
    assert f"{proof['rows']} validation rows compared, largest difference" in page
    assert "No engine compared yet" in page, "of engines"


def test_a_version_of_a_gpu_says_what_the_cpu_makes_of_it(
    survivors: SavedModel, as_ben: Client
) -> None:
    version = survivors.versions.get()
    why = "Read back on the CPU, the saved model predicts otherwise than on H200."
    seen = {"device": "H200", "on": "cuda:0", "difference": 5e-4, "agrees": False, "why": why}
    changed(version, {**version.facts["proof"], **seen})
    page = as_ben.get(MODEL).content.decode()
    assert why in page
    assert "Differs" in page
    assert "Trained on H200" in page
    assert "largest difference 0.0005, at most 0.0001." in page
    changed(version, {**version.facts["proof"], "difference": None})
    assert "largest difference" not in as_ben.get(MODEL).content.decode()


def test_each_version_shows_its_own(survivors: SavedModel, ada: User, as_ben: Client) -> None:
    first = survivors.versions.get()
    trained = services.Trained(bundle=first.bundle, metric=first.metric, facts=first.facts)
    second = services.publish_version(survivors, trained, user=ada, active=True)
    changed(second, {**first.facts["proof"], "why": "The second says so."})
    page = as_ben.get(MODEL).content.decode()
    assert "The second says so." in page
    assert '<a href="?engines=1#engines">Version 1</a>' in page
    assert first.facts["proof"]["why"] in as_ben.get(f"{MODEL}?engines=1").content.decode()


def test_a_version_from_before_says_nothing(
    survivors: SavedModel, ada: User, as_ben: Client
) -> None:
    version = survivors.versions.get()
    del version.facts["proof"]
    version.save()
    assert "Read back" not in as_ben.get(MODEL).content.decode()
    told = Rest(ada).call("GET", SAVED).json()
    check(told, SAVED_MODEL)
    assert told["versions"][0]["proof"] is None
