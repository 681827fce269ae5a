"""Where a scoring's explanations were made: its page and REST say so, with what was compared."""

from typing import Any

from django.test import Client

from tests.web.test_engines import ended, file_recipe, new, report
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.flow import services
from trackside.jobs.models import Job
from trackside.saved_models.models import SavedModel

__all__ = ["new"]  # a fixture
WHY = "The GPU explains as the CPU does, to 3e-06."


def explained(ada: User, explanations: dict[str, Any] | None) -> Job:
    """A scoring that is over and told this of its explanations."""
    job = services.run_recipe(file_recipe(ada), ada)
    told = ended(job, "own", [report(engine="own", device="H100", why="The GPU predicts alike.")])
    if explanations:
        told["facts"]["explanations"] = explanations
    Job.objects.filter(pk=job.pk).update(result=told)
    return job


def test_the_page_and_rest_say_what_explained(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    moved = report(engine="own", device="H100", why=WHY, difference=3e-6, tolerance=1e-3)
    told = {"device": "H100", "parity": {**moved, "seconds": {"own": None, "engine": None}}}
    job = explained(ada, {**told, "why": ""})
    for page in (f"/p/INSECTS/jobs/{job.pk}/", "/p/INSECTS/recipes/score new/"):
        html = as_ben.get(page).content.decode()
        assert "<dt>Explained on</dt><dd>H100</dd>" in html
        assert html.index("The GPU predicts alike.") < html.index("<dt>Explanations</dt>")
        assert "largest difference 3e-06, at most 0.001" in html
    scored = Rest(ada).call("GET", f"/jobs/{job.pk}").json()["scored"]
    assert scored["explanations"]["device"] == "H100"
    assert scored["explanations"]["parity"]["why"] == WHY
    (kept,) = survivors.versions.get().parity
    assert kept["why"] == "The GPU predicts alike.", "a version's reports are those of predictions"


def test_what_kept_them_from_the_gpu_is_said(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    why = "This model of XGBoost is explained on the CPU alone: it is so here, not on H100."
    job = explained(ada, {"device": "CPU", "parity": None, "why": why})
    html = as_ben.get(f"/p/INSECTS/jobs/{job.pk}/").content.decode()
    assert f'<dt>Explained on</dt><dd>CPU<p class="t3 s">{why}</p></dd>' in html
    assert "<dt>Explanations</dt>" not in html


def test_where_none_were_asked_for_nothing_is_said(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    job = explained(ada, None)
    assert "Explained on" not in as_ben.get(f"/p/INSECTS/jobs/{job.pk}/").content.decode()
    assert Rest(ada).call("GET", f"/jobs/{job.pk}").json()["scored"]["explanations"] is None
