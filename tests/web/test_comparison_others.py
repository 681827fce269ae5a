"""Which models and versions a comparison offers to join it."""

from pathlib import Path

from tests.web import trained_tables
from tests.web.test_comparison import again, version
from trackside.accounts.models import User
from trackside.lab.entrants import opened, others
from trackside.lab.models import Analysis, TrainedModel
from trackside.projects.models import Project


def test_only_those_of_the_same_target(
    learned: dict[str, Path], project: Project, ada: User
) -> None:
    table = trained_tables.placed(project, ada, learned["two_class"])
    rival = again(table)
    other = again(rival)
    analysis, session = Analysis.objects.get(pk=table.session.analysis_id), other.session
    analysis.pk, analysis.name, analysis.target = None, "other target", "alone"
    analysis.save()
    session.pk, session.analysis, session.click_id = None, analysis, "other"
    session.save()
    TrainedModel.objects.filter(pk=other.pk).update(session=session)
    version(rival, active=True)
    found = [opened(project, str(table.pk))]
    assert {one["key"] for one in others(project, found)} == {str(rival.pk), "keeper:1"}
    found = [opened(project, str(other.pk))]
    assert others(project, found) == []
