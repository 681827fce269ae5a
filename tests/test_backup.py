"""A backup brings an installation back on an empty machine, with a training that was at work."""

import hashlib
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import postgres, prepared
from tests.product import ROOT, Product, running, until

pytestmark = pytest.mark.process
TRAINING = {"epochs": 12, "early_stopping": False}
SMALL = {"backbone": "shufflenet_v2_x0_5", "pretrained": False, "retrained": "all"}


def shell(script: str, folder: Path, **places: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "deploy" / script), str(folder)],
        env={"PATH": os.environ["PATH"], **places},
        capture_output=True,
        text=True,
    )


def train(api: httpx.Client) -> int:
    answer = api.post(
        "/projects/KEPT/analyses/sorter/train", json={"compute": {"kind": "cpu", "ranks": 1}}
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["jobs"][0])


def over(api: httpx.Client, job: int) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        seen: dict[str, Any] = api.get(f"/jobs/{job}").raise_for_status().json()
        return seen if seen["state"] in ("succeeded", "failed", "cancelled") else None

    done: dict[str, Any] = until(ended, f"job {job} to end", seconds=900)
    assert done["state"] == "succeeded", done["reason"]
    return done


def begin(product: Product, archive: Path, storage: Path) -> int:
    """A project with pictures and a training that has a checkpoint and is at work."""
    with product.api() as api:
        api.post("/projects", json={"key": "KEPT", "name": "Kept"}).raise_for_status()
        with archive.open("rb") as file:
            made = api.post(
                "/projects/KEPT/datasets", data={"name": "sheets"}, files={"file": file}
            ).raise_for_status()
        over(api, made.json()["job"])
        design = {"name": "sorter", "dataset": "sheets"}
        api.post("/projects/KEPT/analyses", json=design).raise_for_status()
        model = api.get("/projects/KEPT/analyses/sorter").json()["models"][0]
        model["params"] |= {**SMALL, "image_size": 64}
        change = {"models": [model], "training": TRAINING}
        api.patch("/projects/KEPT/analyses/sorter", json=change).raise_for_status()
        job = train(api)

        kept = f"jobs/{job}/*/checkpoints/*/manifest.json"
        until(lambda: any(storage.glob(kept)), "a checkpoint", every=0.05)
        seen = api.get(f"/jobs/{job}").json()
        assert seen["state"] == "running", seen["reason"]
        return job


def content(storage: Path) -> dict[str, str]:
    """Every picture and thumbnail with its hash."""
    files = (path for path in (storage / "datasets").rglob("*") if path.is_file())
    return {
        str(path.relative_to(storage)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def counts(api: httpx.Client) -> dict[str, Any]:
    projects = [one["key"] for one in api.get("/projects").json()["projects"]]
    classes = api.get("/projects/KEPT/datasets/sheets").json()["classes"]
    return {"projects": projects, "classes": classes}


def test_an_empty_machine_gets_everything_back_and_the_training_goes_on(tmp_path: Path) -> None:
    backup, storage = tmp_path / "backup", tmp_path / "storage"
    old, new = tmp_path / "old", tmp_path / "new"
    place = {"TRACKSIDE_STORAGE": str(storage)}
    with postgres.running() as database:
        place["DATABASE_URL"] = database
        with running(old, **place, TRACKSIDE_NODE="first") as product:
            job = begin(product, prepared.shapes(), storage)
            with product.api() as api:
                before = counts(api)
        done = shell("backup.sh", backup, TRACKSIDE_HOME=str(old), **place)
        assert done.returncode == 0, done.stderr
    pictures = content(storage)
    assert pictures
    storage.rename(tmp_path / "out-of-reach")
    with postgres.running() as database:
        place["DATABASE_URL"] = database
        done = shell("restore.sh", backup, TRACKSIDE_HOME=str(new), **place)
        assert (done.returncode, done.stderr) == (0, "")
        again = shell("restore.sh", backup, TRACKSIDE_HOME=str(new), **place)
        assert again.returncode == 1
        assert "is not empty" in again.stderr
        assert content(storage) == pictures
        (new / "admin.json").write_text((old / "admin.json").read_text())  # the test's own key
        with running(new, **place, TRACKSIDE_NODE="second") as product, product.api() as api:
            assert counts(api) == before
            goes_on_to_the_same_end(api, job)


def goes_on_to_the_same_end(api: httpx.Client, job: int) -> None:
    """As a training of the same design that nothing disturbed."""
    resumed = over(api, job)
    nodes = [one["node"] for one in resumed["attempts"]]
    assert (nodes[0], nodes[-1]) == ("first", "second")
    assert ends(resumed) == ends(over(api, train(api)))


def ends(job: dict[str, Any]) -> dict[str, Any]:
    """What its last epoch measured; the last step told depends on the clock."""
    live = ("loss", "rate", "wait")
    found = {name: value for name, value in job["metrics"].items() if name not in live}
    assert {"accuracy", "train_loss", "val_loss"} <= set(found), found
    return found


def test_a_damaged_backup_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "storage").mkdir(parents=True)
    (home / "storage" / "file").write_text("a picture")
    with closing(sqlite3.connect(home / "trackside.sqlite3")) as database:
        database.execute("create table picture (name)")
    assert shell("backup.sh", tmp_path / "backup", TRACKSIDE_HOME=str(home)).returncode == 0
    with (tmp_path / "backup" / "storage.tar").open("r+b") as tar:
        tar.seek(600)
        tar.write(b"?")
    done = shell("restore.sh", tmp_path / "backup", TRACKSIDE_HOME=str(tmp_path / "new"))
    assert done.returncode == 1
    assert "storage.tar: FAILED" in done.stdout + done.stderr
    assert not (tmp_path / "new").exists()


def test_one_machine_with_sqlite_comes_back_too(tmp_path: Path) -> None:
    home, new = tmp_path / "home", tmp_path / "new"
    (home / "storage").mkdir(parents=True)
    (home / "storage" / "file").write_text("a picture")
    (home / "secret_key").write_text("s" * 64)
    with closing(sqlite3.connect(home / "trackside.sqlite3")) as database:
        database.execute("create table picture (name)")
        database.execute("insert into picture values ('file')")
        database.commit()
        assert shell("backup.sh", tmp_path / "backup", TRACKSIDE_HOME=str(home)).returncode == 0
    done = shell("restore.sh", tmp_path / "backup", TRACKSIDE_HOME=str(new))
    assert done.returncode == 0
    assert "here they will fail" in done.stderr  # it was told that the place is another
    with closing(sqlite3.connect(new / "trackside.sqlite3")) as database:
        assert database.execute("select name from picture").fetchall() == [("file",)]
    assert (new / "storage" / "file").read_text() == "a picture"
    assert (new / "secret_key").read_text() == "s" * 64
