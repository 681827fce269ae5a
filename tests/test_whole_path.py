"""The main job through REST alone, on the running product: what a script of a user does."""

import csv
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.product import DATA, ROOT, Product, running, until

pytestmark = [pytest.mark.process, pytest.mark.browser]
PHOTOS = DATA / "hymenoptera.zip"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("whole") / "home") as one:
        yield one


def ended(api: httpx.Client, job: int) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        answer = api.get(f"/jobs/{job}").raise_for_status().json()
        return answer if answer["state"] in ("succeeded", "failed", "cancelled") else None

    return until(over, f"job {job} to end", seconds=900, every=0.5)


def unlabelled(tmp: Path) -> Path:
    """A flat archive of the validation photos."""
    target = tmp / "new.zip"
    with zipfile.ZipFile(PHOTOS) as source, zipfile.ZipFile(target, "w") as out:
        for name in sorted(source.namelist()):
            if name.startswith("val/") and name.endswith(".jpg"):
                out.writestr(name.rpartition("/")[2], source.read(name))
    return target


def upload(api: httpx.Client, name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = api.post("/projects/WHOLE/datasets", data={"name": name}, files={"file": file})
    assert answer.status_code == 202, answer.text
    assert ended(api, answer.json()["job"])["state"] == "succeeded"
    return api.get(f"/projects/WHOLE/datasets/{name}").raise_for_status().json()


@pytest.mark.skipif(not PHOTOS.exists(), reason="../shared/data/hymenoptera.zip is not here")
def test_a_script_uploads_trains_deploys_and_scores(product: Product, tmp_path: Path) -> None:
    with product.api() as api:
        assert api.post("/projects", json={"key": "WHOLE", "name": "Whole"}).status_code == 201
        data = upload(api, "insects", PHOTOS)
        assert {one["name"]: one["count"] for one in data["classes"]} == {
            "ants": 193,
            "bees": 204,
        } or (sum(one["count"] for one in data["classes"]) == 397)
        assert any("GIF" in one["what"] for one in data["problems"])
        design = api.post("/projects/WHOLE/analyses", json={"name": "sort", "dataset": "insects"})
        assert design.status_code == 201, design.text
        train = api.post(
            "/projects/WHOLE/analyses/sort/train", json={"compute": {"kind": "cpu", "ranks": 2}}
        )
        assert train.status_code == 201, train.text
        job = ended(api, train.json()["jobs"][0])
        assert job["state"] == "succeeded", job["reason"]
        number = train.json()["session"]
        session = api.get(f"/projects/WHOLE/analyses/sort/sessions/{number}").json()
        assert session["models"][0]["metrics"]["accuracy"] >= 0.93
        model = session["models"][0]["id"]
        deploy = api.post(f"/projects/WHOLE/trained-models/{model}/deploy", json={"name": "sorter"})
        assert deploy.status_code == 201, deploy.text
        flow = api.get("/projects/WHOLE/flow").json()
        assert {one["name"] for one in flow["nodes"]} >= {"insects", "sorter"}
        upload(api, "new", unlabelled(tmp_path))
        recipe = api.post(
            "/projects/WHOLE/recipes",
            json={
                "name": "score_new",
                "kind": "score",
                "output": "scored",
                "inputs": {"dataset": "new", "saved_model": "sorter"},
                "compute": {"kind": "cpu", "ranks": 2},
            },
        )
        assert recipe.status_code == 201, recipe.text
        run = api.post("/projects/WHOLE/recipes/score_new/run", json={})
        assert run.status_code == 201, run.text
        assert ended(api, run.json()["id"])["state"] == "succeeded"
        text = api.get("/projects/WHOLE/datasets/scored/rows", headers={"Accept": "text/csv"}).text
        rows = list(csv.DictReader(io.StringIO(text)))
        assert list(rows[0]) == ["path", "prediction", "proba_ants", "proba_bees"]
        assert len(rows) == len(zipfile.ZipFile(tmp_path / "new.zip").namelist())
        bundle_scores_alone(api, tmp_path, rows)


def bundle_scores_alone(api: httpx.Client, tmp_path: Path, rows: list[dict[str, str]]) -> None:
    """The downloaded bundle gives the same rows as the recipe, with no Trackside running it."""
    answer = api.get("/projects/WHOLE/saved-models/sorter/versions/1/bundle")
    tar = answer.raise_for_status().content
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        archive.extractall(tmp_path / "bundle")
    bundle = next((tmp_path / "bundle").rglob("model.json")).parent
    out = tmp_path / "alone.csv"
    command = [sys.executable, "-m", "recipes", "score", str(bundle), str(tmp_path / "new.zip")]
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True)
    with out.open() as table:
        alone = {row["path"]: row for row in csv.DictReader(table)}
    assert {row["path"]: row["prediction"] for row in rows} == {
        path: row["prediction"] for path, row in alone.items()
    }
