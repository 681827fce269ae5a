"""docs/client.md can be typed as it stands: its commands parse, its calls fit the client's."""

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest

from trackside import client
from trackside.client.command import parser

DOC = (Path(__file__).resolve().parents[1] / "docs" / "client.md").read_text()
COMMANDS = re.findall(r"^    \.venv/bin/trackside (.+)$", DOC, re.MULTILINE)
BLOCKS = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
OF = {"client": client, "api": client.Client}


def calls() -> list[ast.Call]:
    """What is called on the module and on `api`."""
    nodes = [node for block in BLOCKS for node in ast.walk(ast.parse(block))]
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ]


def test_the_page_has_examples() -> None:
    assert len(COMMANDS) > 5
    assert len(calls()) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_parses(command: str) -> None:
    assert callable(parser().parse_args(shlex.split(command)).run)


@pytest.mark.parametrize("call", calls(), ids=ast.unparse)
def test_a_call_fits(call: ast.Call) -> None:
    assert isinstance(call.func, ast.Attribute)
    assert isinstance(call.func.value, ast.Name)
    called = getattr(OF[call.func.value.id], call.func.attr)
    own = [None] if call.func.value.id == "api" else []
    named = {one.arg: None for one in call.keywords if one.arg}
    inspect.signature(called).bind(*own, *call.args, **named)
