"""The Python client and the `trackside` command, against the API itself: no server, no network."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client as Browser

from tests.web.world import found, photos, trained
from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.client import Client, TracksideError, login, repeating, train, where
from trackside.client import command as commands
from trackside.client.training import arranged
from trackside.flow import services as flow
from trackside.jobs.models import Job
from trackside.projects.models import Project
from trackside.saved_models import stores


class Through(httpx.BaseTransport):
    """Requests of httpx answered by Django's test client."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        kind = headers.pop("content-type", "")
        answer = Browser().generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=kind,
            headers=headers,
        )
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return httpx.Response(answer.status_code, headers=dict(answer.items()), content=body)


@pytest.fixture
def client(ada: User, project: Project) -> Iterator[Client]:
    _, secret = make_token(ada, "client")
    with Client("http://127.0.0.1", secret, transport=Through()) as one:
        yield one


@pytest.fixture
def shell(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """`trackside …` speaks to the API of the test."""
    monkeypatch.setattr(commands, "Client", lambda *_: _Kept(client))
    return client


class _Kept:
    def __init__(self, client: Client) -> None:
        self.client = client

    def __enter__(self) -> Client:
        return self.client

    def __exit__(self, *_: object) -> None:
        """The fixture closes it."""


def test_an_upload_names_its_job(client: Client, tmp_path: Path) -> None:
    archive = tmp_path / "p.zip"
    archive.write_bytes(b"PK\x05\x06" + b"\0" * 18)
    made = client.upload("INSECTS", "fresh", archive)
    assert made["job"] == Job.objects.get().pk
    assert client.dataset("INSECTS", "fresh")["state"] == "importing"


def test_an_error_is_the_servers_sentence(client: Client) -> None:
    with pytest.raises(TracksideError, match="upper case letters") as wrong:
        client.create_project("low", "x")
    assert (wrong.value.status, wrong.value.code) == (422, "invalid")
    with pytest.raises(TracksideError) as absent:
        client.dataset("INSECTS", "a/b?c#d")
    assert absent.value.status == 404


def test_a_dataset_and_a_bundle_are_saved_whole(
    client: Client, project: Project, ada: User, tmp_path: Path
) -> None:
    model = trained(project, ada)
    client.deploy("INSECTS", model.pk, "sorter")
    rows = client.download("INSECTS", "photos", tmp_path / "rows.csv").read_text()
    assert rows.startswith("path,label")
    assert client.bundle("INSECTS", "sorter", 1, tmp_path / "b.tar").stat().st_size > 5000
    with pytest.raises(TracksideError):
        client.bundle("INSECTS", "sorter", 9, tmp_path / "none.tar")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "b.tar",
        "rows.csv",
    ]


def test_one_call_trains(client: Client, project: Project) -> None:
    photos(project)
    begun = train(
        "Insects",
        relation="photos",
        algorithm="backbone_classifier",
        hyperparams={"device": "cpu", "epochs": 3, "image_size": 64},
        client=client,
        wait=False,
    )
    job = Job.objects.get(pk=begun["jobs"][0])
    assert job.spec["training"]["epochs"] == 3
    assert job.spec["params"]["image_size"] == 64
    assert (begun["project"], begun["task"]) == ("INSECTS", "image_classification")
    again = train("INSECTS", "photos", client=client, wait=False)
    assert again["session"] == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"algorithm": "xgboost"}, "xgboost"),
        ({"hyperparams": {"epochs": 0}}, "between"),
        ({"hyperparams": {"speed": 9}}, "no setting called 'speed'"),
        ({"hyperparams": {"device": "cuda"}}, "GPU"),
        ({"y_column_name": "income"}, "income"),
    ],
)
def test_what_does_not_fit_raises_the_servers_sentence(
    client: Client, project: Project, given: dict[str, Any], said: str
) -> None:
    photos(project)
    with pytest.raises(TracksideError, match=said):
        train("INSECTS", "photos", client=client, wait=False, **given)
    assert not Job.objects.exists()


def test_a_project_is_made_when_it_is_not_there(client: Client) -> None:
    with pytest.raises(TracksideError, match="no dataset 'adult' here"):
        train("GPU project", "adult", "income", client=client)
    assert Project.objects.filter(key="GPU_PROJECT", name="GPU project").exists()


def test_settings_go_where_the_design_has_them() -> None:
    design = {
        "training": {"epochs": 5},
        "augmentation": {"rotation": 0},
        "models": [{"algorithm": "a", "params": {"size": 0}}],
    }
    change = arranged(design, None, {"device": "cuda", "epochs": 2, "rotation": 9, "x": 1})
    assert change == {
        "training": {"epochs": 2},
        "augmentation": {"rotation": 9},
        "models": [{"algorithm": "a", "params": {"size": 0, "x": 1}}],
    }


def test_the_shell_lists_stops_and_shows_jobs(
    shell: Client, project: Project, ada: User, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(project)
    job = train("INSECTS", "photos", client=shell, wait=False)["jobs"][0]
    assert commands.main(["jobs", "INSECTS"]) == 0
    assert "queued" in capsys.readouterr().out
    assert commands.main(["jobs", "--stop", str(job)]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert commands.main(["jobs", "--follow", str(job)]) == 1
    assert "Cancelled by Ada" in capsys.readouterr().err
    assert commands.main(["gpus"]) == 0


def test_the_shell_trains_deploys_and_scores(
    shell: Client, project: Project, ada: User, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained(project, ada)
    assert commands.main(["train", "INSECTS", "sort", "--cpu", "1"]) == 0
    assert commands.main(["deploy", "INSECTS", str(model.pk), "sorter"]) == 0
    photos(project, "new", labelled=False)
    score = ["score", "INSECTS", "--dataset", "new", "--model", "sorter", "--output", "out"]
    assert commands.main([*score, "--cpu", "1"]) == 0
    assert Job.objects.latest("id").kind == "score"
    assert commands.main(score) == 1
    again = "trackside run INSECTS 'score new with sorter'"
    assert again in capsys.readouterr().err
    assert commands.main(["deploy", "INSECTS", str(model.pk), "other"]) == 0
    other = [*score[:5], "other", "--output", "out2", "--cpu", "1"]
    assert commands.main(other) == 0, "another model, another recipe"


def test_a_name_that_is_too_long_is_cut_and_stays_its_own() -> None:
    one, two = (repeating.named("score", 70 * "d", "with", model) for model in ("a" * 9, "b" * 9))
    assert len(one) == len(two) == 80
    assert one != two
    assert one == repeating.named("score", 70 * "d", "with", "a" * 9)


def test_the_shell_evaluates_and_shows_the_history(
    shell: Client, project: Project, ada: User, capsys: pytest.CaptureFixture[str]
) -> None:
    sorter = flow.deploy(trained(project, ada), "sorter", ada)
    photos(project, "judged")
    wish = ["evaluate", "INSECTS", "--dataset", "judged", "--model", "sorter", "--store", "past"]
    assert commands.main([*wish, "--cpu", "1", "--rows", "rows"]) == 0
    assert Job.objects.latest("id").spec["rows"] is True
    store = sorter.evaluation_stores.get()
    for score in (0.8, 0.9):
        stores.record(store, found(sorter.versions.get(), score), ada)
    capsys.readouterr()
    assert commands.main(["evaluations", "INSECTS"]) == 0
    assert "past" in capsys.readouterr().out
    assert commands.main(["evaluations", "INSECTS", "past"]) == 0
    told = capsys.readouterr().out
    assert told.index("0.9000") < told.index("0.8000"), "newest first"


def test_the_token_is_kept_for_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TRACKSIDE_URL", raising=False)
    monkeypatch.delenv("TRACKSIDE_TOKEN", raising=False)
    with pytest.raises(login.NotSignedIn, match="trackside login"):
        login.load()
    kept = login.save(login.Login("http://x", "secret"))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["token"] == "secret"
    assert login.load() == login.Login("http://x", "secret")


def test_the_client_knows_nothing_of_django() -> None:
    script = (
        "import sys, trackside.client.command as c; c.parser();"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'torch', 'celery')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


GIB = 2**30
SAID: list[tuple[str, Any]] = [
    ("", None),
    ("--cpu", {"kind": "cpu"}),
    ("--cpu 3 --priority -5", {"kind": "cpu", "ranks": 3, "priority": -5}),
    (
        "--gpus GPU-a,GPU-b --share --memory 4.5",
        {"kind": "gpus", "uuids": ["GPU-a", "GPU-b"], "share": "shared", "memory": 9 * GIB // 2},
    ),
    (
        "--any 8 --nodes 2 --min-free 20 --gpu-model H100 --preemptible --max-hours 1.5",
        {"kind": "any", "count": 8, "nodes": 2, "min_free": 20 * GIB, "name": "H100",
         "preemptible": True, "max_seconds": 5400},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "asked"), SAID)
def test_the_command_says_where_and_beside_whom(said: str, asked: Any) -> None:
    args = commands.parser().parse_args(["train", "P", "a", *said.split()])
    assert where.compute(args) == asked


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("--priority 5", "Say where to run with --cpu, --gpus or --any."),
        ("--cpu --share", "--share belongs to --gpus or --any."),
        ("--gpus GPU-a --nodes 2", "--nodes belongs to --any."),
        ("--any --memory 4", "--memory belongs to --share."),
        ("--any --share --memory 0", "'0' must be a number above 0"),
        ("--any --max-hours soon", "'soon' must be a number above 0"),
    ],
)
def test_an_option_that_would_do_nothing_is_an_error(
    said: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        where.compute(commands.parser().parse_args(["train", "P", "a", *said.split()]))
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err
