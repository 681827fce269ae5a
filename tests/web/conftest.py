"""What several tests of the web begin with."""

from pathlib import Path

import pytest

from tests.web import cast
from trackside.accounts.models import User
from trackside.flow import services as flow
from trackside.jobs.models import Job
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel


@pytest.fixture
def job(ada: User, project: Project) -> Job:
    cast.node()
    one = cast.submit(project, ada)
    cast.claimed(one)
    return one


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of real tables, by task: trained once, when the first test asks."""
    from tests.web.trained_tables import Learned

    return Learned(tmp_path_factory.mktemp("learned"))


@pytest.fixture
def two(learned: dict[str, Path], project: Project, ada: User) -> TrainedModel:
    """A model of two classes: who survived the Titanic."""
    from tests.web.trained_tables import placed

    return placed(project, ada, learned["two_class"])


@pytest.fixture
def survivors(two: TrainedModel, ada: User) -> SavedModel:
    """It is deployed."""
    return flow.deploy(two, "survivors", ada)
