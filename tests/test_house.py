"""The rules of docs/house.md that no linter keeps."""

import json
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("platform", "recipes", "workers", "tests", "bench", "scripts")

# Loads what a web process may ever load: settings, every address with its views, all cards.
LOAD_THE_WEB = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
import django
django.setup()
from django.urls import get_resolver
import trackside.config.asgi
get_resolver().url_patterns
from recipes.algorithms import ALGORITHMS
from recipes.kinds import KINDS
from recipes.tasks import TASKS
assert ALGORITHMS and KINDS and TASKS
from trackside.ui.param_forms import form_for
for algorithm in ALGORITHMS.values():
    form_for(algorithm.params), form_for(algorithm.training)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@cache
def committed() -> list[Path]:
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if told.returncode:
        pytest.skip("not a git checkout")
    return [path for name in told.stdout.splitlines() if (path := ROOT / name).is_file()]


@cache
def python_files() -> list[Path]:
    return [
        path
        for folder in SOURCES
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts and "node_modules" not in path.parts
    ]


@pytest.fixture(scope="module")
def web_modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    home = tmp_path_factory.mktemp("home")
    told = subprocess.run(
        [sys.executable, "-c", LOAD_THE_WEB],
        cwd=ROOT,
        env={"TRACKSIDE_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return set(json.loads(told.stdout.splitlines()[-1]))


def test_the_web_process_imports_no_torch(web_modules: set[str]) -> None:
    assert not web_modules & {"torch", "torchvision", "timm", "numpy", "PIL", "safetensors"}


def test_the_web_process_needs_no_more_than_its_own_lock_file(web_modules: set[str]) -> None:
    lock = (ROOT / "requirements" / "web.txt").read_text()
    allowed = {_plain(name) for name in re.findall(r"^([\w.-]+)==", lock, flags=re.M)}
    owners = metadata.packages_distributions()
    used = {_plain(owner) for name in web_modules for owner in owners.get(name, [])[:1]}
    installers = {"trackside", "pip", "setuptools"}
    # Libraries try to import these; we never do.
    taken_when_there = {
        "pyyaml",
        "greenlet",
        "msgpack",
    }
    assert used - allowed - installers - taken_when_there == set()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_source_folder_never_shadows_pythons_own_platform() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "tests" / "platform").exists()


def test_no_python_file_is_longer_than_300_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files()
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_files_are_not_named_for_having_no_place() -> None:
    nowhere = {"utils", "helpers", "common", "misc", "core", "base", "manager", "handler"}
    assert [str(p) for p in python_files() if p.stem in nowhere | {"processor", "info"}] == []


def test_committed_files_name_no_registry_and_no_machine() -> None:
    hosts = "|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs"])
    place = re.compile(rf"{hosts}|/home/[a-z]+/|/root/|/work/|/tmp/[a-z]+/")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in committed()
        if path.suffix in {".py", ".txt", ".in", ".json", ".toml", ".md", ".yml", ".sh", ".js", ""}
        and path.name != Path(__file__).name
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if place.search(line)
    ]
    assert found == []


FORBIDDEN = {
    r"^\s*(import|from) (pickle|cPickle|dill|joblib|marshal|shelve)\b": "no pickle in any form",
    r"\btorch\.load\((?!.*weights_only=True)": "torch.load only with weights_only=True",
    r"\byaml\.(load|unsafe_load|full_load)\(": "yaml.safe_load",
    r"(?<![.\w])(eval|exec)\(": "no eval",
    r"shell=True": "no shell",
    r"\bos\.(system|popen)\(": "no shell",
    r"\bmark_safe\(|\|\s*safe\b": "templates escape",
    r"@csrf_exempt\b": "the API door alone answers without a cookie",
}


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_what_would_let_data_run_code_is_nowhere(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*python_files(), *(ROOT / "templates").rglob("*.html")]
        if path.parts[len(ROOT.parts)] not in {"tests", "bench"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == [], FORBIDDEN[pattern]


def test_templates_keep_to_the_strict_content_policy() -> None:
    inline = re.compile(
        r"\sstyle=|\son[a-z]+=\"|<style|<script(?![^>]*\ssrc=)(?![^>]*json)|hx-on|js:"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if inline.search(line)
    ]
    assert found == []


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    lines = (ROOT / "scripts" / "icons.txt").read_text().splitlines()
    known = {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}
    named = {
        (str(path.relative_to(ROOT)), icon)
        for path in (ROOT / "templates").rglob("*.html")
        for icon in re.findall(r"{% icon [\"']([\w-]+)[\"']", path.read_text())
    }
    assert {(path, icon) for path, icon in named if icon not in known} == set()


def test_every_lock_file_pins_by_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for block in re.split(r"\n(?=\S)", path.read_text()):
            if "==" in block and not block.startswith("#"):
                assert "--hash=sha256:" in block, f"{path.name}: {block.splitlines()[0]}"
