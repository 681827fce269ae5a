"""What several tests of the web begin with."""

import pytest

from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.projects.models import Project


@pytest.fixture
def job(ada: User, project: Project) -> Job:
    cast.node()
    one = cast.submit(project, ada)
    cast.claimed(one)
    return one
