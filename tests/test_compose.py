"""The compose files keep the Compose schema, and the Dockerfile names only what is there.

docker-compose.yml is one machine; docker-compose.head.yml lies over it on the head of several;
docker-compose.node.yml is a machine with GPUs of several.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ONE, HEAD, NODE = "docker-compose.yml", "docker-compose.head.yml", "docker-compose.node.yml"
FILES = (ONE, HEAD, NODE)
OURS = [(ONE, name) for name in ("prepare", "pages", "web", "scheduler", "worker", "worker-cpu")]
WORKERS = [(file, name) for file in (ONE, NODE) for name in ("worker", "worker-cpu")]
ASKED = {
    "POSTGRES_PASSWORD": "one",
    "VALKEY_PASSWORD": "two",
    "HEAD_ADDRESS": "10.0.0.1",
    "NODE": "gpu-02",
    "NODE_ADDRESS": "10.0.0.2",
    "STORAGE": "/srv/trackside",
}


@cache
def compose(file: str = ONE) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / file).read_text()))


@cache
def stages() -> dict[str, list[str]]:
    """Dockerfile target -> its instructions, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        start = re.match(r"FROM \S+ AS (\S+)", line)
        if start:
            name = start.group(1)
            found[name] = []
        elif name and line.strip() and not line.startswith("#"):
            found[name].append(line)
    return found


@pytest.mark.parametrize("file", FILES)
def test_each_file_keeps_the_compose_schema(file: str) -> None:
    vendor = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / "compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(compose(file))


@pytest.mark.parametrize("files", [(ONE,), (ONE, HEAD), (NODE,)])
def test_docker_itself_accepts_the_files(files: tuple[str, ...]) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    named = [word for file in files for word in ("--file", str(ROOT / file))]
    told = subprocess.run(
        [docker, "compose", *named, "config", "--quiet"],
        env={**os.environ, **ASKED},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr


def test_only_the_web_is_reachable_and_only_from_this_machine() -> None:
    ports = {name: part["ports"] for name, part in compose()["services"].items() if "ports" in part}
    assert list(ports) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in ports["web"])
    for name in ("postgres", "valkey"):
        assert compose()["services"][name]["networks"] == ["inner"]
    assert compose()["networks"]["inner"]["internal"] is True


def test_the_head_answers_other_machines_at_its_private_address_only() -> None:
    head = compose(HEAD)["services"]
    ports = {name: part["ports"] for name, part in head.items() if "ports" in part}
    assert set(ports) == {"postgres", "valkey"}
    for name, published in ports.items():
        assert all(port.startswith("${HEAD_ADDRESS:?") for port in published), name
        assert head[name]["networks"] == ["outer"]  # nothing is published from an internal network


def test_on_several_machines_the_agents_come_from_the_nodes_file_alone() -> None:
    assert compose(HEAD)["services"]["worker"]["profiles"]
    assert set(compose(NODE)["services"]) == {"worker", "worker-cpu"}
    for name in ("prepare", "pages", "web", "scheduler"):
        one = compose(HEAD)["services"][name]
        assert one["environment"]["TRACKSIDE_STORAGE"] == "/srv/trackside", name
        assert one["volumes"] == ["${STORAGE:?set it in .env}:/srv/trackside"], name


@pytest.mark.parametrize("file", FILES)
def test_no_password_is_written_down(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${POSTGRES_PASSWORD:?" in line or "${VALKEY_PASSWORD:?" in line or "$$" in line


@pytest.mark.parametrize(("file", "name"), [*OURS, *WORKERS[2:]])
def test_our_services_run_a_target_that_exists_without_rights(file: str, name: str) -> None:
    service = compose(file)["services"][name]
    assert service["build"]["target"] in stages()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(line.startswith("USER ") for line in stages()[service["build"]["target"]])
    command = service.get("command", [])
    if "-m" in command:
        assert importlib.util.find_spec(command[2]), command


@pytest.mark.parametrize(("extras", "ends"), [("", 0), ("jax onnx", 0), ("nothing onnx", 1)])
def test_an_extra_that_cannot_be_installed_fails_the_image(
    tmp_path: Path, extras: str, ends: int
) -> None:
    (line,) = [one for one in stages()["worker"] if "$EXTRAS" in one]
    pip = tmp_path / "pip"
    pip.write_text("#!/bin/sh\ncase $* in *nothing*) exit 1;; esac\n")
    pip.chmod(0o755)
    made = subprocess.run(
        ["/bin/sh", "-c", line.removeprefix("RUN ")], env={"PATH": str(tmp_path), "EXTRAS": extras}
    )
    assert made.returncode == ends


@pytest.mark.parametrize("name", ["web", "postgres", "valkey"])
def test_what_others_wait_for_has_a_health_check(name: str) -> None:
    assert compose()["services"][name]["healthcheck"]["test"]


@pytest.mark.parametrize("file", [ONE, NODE])
def test_the_worker_reserves_nvidia_gpus(file: str) -> None:
    services = compose(file)["services"]
    [device] = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert "deploy" not in services["worker-cpu"]


@pytest.mark.parametrize(("file", "name"), WORKERS)
def test_a_stopped_worker_lets_its_jobs_give_way_and_keeps_its_name(file: str, name: str) -> None:
    from workers.agent import LEAVE_WITHIN

    worker = compose(file)["services"][name]
    assert worker["stop_signal"] == "SIGINT"  # SIGTERM leaves jobs running: docker would kill them
    assert float(worker["stop_grace_period"].removesuffix("s")) > LEAVE_WITHIN + 10
    assert worker["init"] is True
    # A container's host name is new each time: without a name of its own each start were a node.
    assert worker["environment"]["TRACKSIDE_NODE"].startswith("${NODE:")


def test_ranks_of_several_machines_reach_each_other() -> None:
    for worker in compose(NODE)["services"].values():
        assert worker["network_mode"] == "host"
        assert worker["environment"]["TRACKSIDE_ADDRESS"].startswith("${NODE_ADDRESS:?")


def test_the_dockerfile_copies_only_what_is_there_and_not_ignored() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for target, lines in stages().items():
        for line in lines:
            if line.startswith("COPY ") and "--from=" not in line:
                for source in line.split()[1:-1]:
                    assert (ROOT / source).exists(), f"{target} copies {source}"
                    assert source.split("/")[0] in allowed, f".dockerignore hides {source}"


def test_the_web_image_installs_no_torch() -> None:
    assert not re.search(
        r"^(torch|numpy|pillow)==", (ROOT / "requirements/web.txt").read_text(), re.M
    )
    assert any("requirements/web.txt" in line for line in stages()["web"])
