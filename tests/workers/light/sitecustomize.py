"""See tests/light.py. An agent gives its PYTHONPATH on to its zygote and its leaders."""

import os

if os.environ.get("PYTHONPATH"):
    from tests import light

    light.ranks("tests.workers.fixture_ranks")
