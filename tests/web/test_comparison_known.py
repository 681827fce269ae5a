"""A comparison with a model that knew what judges it: there is no chance to ask about."""

from pathlib import Path

from django.test import Client

from tests.web import trained_tables
from tests.web.test_comparison import again, instead, said
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.projects.models import Project

ASKED = "Is it more than chance?"
SAID = "may have, learned from rows that judge now"


def test_where_a_model_knew_the_rows_nobody_is_offered_to_ask_for_chance(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    one = trained_tables.placed(project, ada, learned["two_class"])
    fair = again(one)
    assert ASKED in said(as_ada, one.pk, fair.pk)
    known = instead(one, too_good="Version 1 had learned from them.")
    html = said(as_ada, one.pk, known.pk)
    assert ASKED not in html
    assert SAID in html
    asked = {"of": [str(one.pk), str(known.pk)], "champion": str(one.pk)}
    before = Job.objects.count()
    page = as_ada.post("/p/INSECTS/comparison/judge/", asked).content.decode()
    assert SAID in page
    refused = Rest(ada).call("POST", "/projects/INSECTS/comparison", asked)
    assert refused.status_code == 409
    assert SAID in refused.json()["error"]["message"]
    assert Job.objects.count() == before
