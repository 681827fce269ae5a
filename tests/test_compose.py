"""docker-compose.yml keeps the Compose schema, and the Dockerfile names only what is there."""

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
OURS = ("prepare", "pages", "web", "scheduler", "worker", "worker-cpu")
PASSWORDS = {"POSTGRES_PASSWORD": "one", "VALKEY_PASSWORD": "two"}


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


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


def test_the_file_keeps_the_compose_schema() -> None:
    vendor = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / "compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(compose())


def test_docker_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    told = subprocess.run(
        [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        env={**os.environ, **PASSWORDS},
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


def test_no_password_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${POSTGRES_PASSWORD:?" in line or "${VALKEY_PASSWORD:?" in line or "$$" in line


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_a_target_that_exists_without_rights(name: str) -> None:
    service = compose()["services"][name]
    assert service["build"]["target"] in stages()
    assert service["cap_drop"] == ["ALL"]
    assert any(line.startswith("USER ") for line in stages()[service["build"]["target"]])


@pytest.mark.parametrize("name", ["web", "postgres", "valkey"])
def test_what_others_wait_for_has_a_health_check(name: str) -> None:
    assert compose()["services"][name]["healthcheck"]["test"]


def test_the_worker_reserves_nvidia_gpus_and_is_told_to_stop_its_jobs() -> None:
    worker = compose()["services"]["worker"]
    [device] = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert worker["stop_signal"] == "SIGINT"
    assert "deploy" not in compose()["services"]["worker-cpu"]


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
