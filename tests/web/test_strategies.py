"""Which version is active by rule, over REST and in one call of the client."""

from collections.abc import Iterator

import pytest
from django.test import Client as Browser

from tests.web.test_client import Through
from tests.web.world import Rest, analysis, bundle, ended_well, photos, trained
from trackside.accounts.models import AuditEntry, User
from trackside.accounts.services import make_token
from trackside.client import Client, TracksideError, deploy, train
from trackside.flow.models import Recipe
from trackside.lab.models import Session, TrainedModel
from trackside.projects.models import Project
from trackside.saved_models import services
from trackside.saved_models.models import SavedModel

ACTIVATE = "/projects/INSECTS/saved-models/sorter/activate"


@pytest.fixture
def client(ada: User, project: Project) -> Iterator[Client]:
    _, secret = make_token(ada, "client")
    with Client("http://127.0.0.1", secret, transport=Through()) as one:
        yield one


def published(project: Project, *scores: float | None, metric: str = "accuracy") -> SavedModel:
    """A version a score, each active once in its turn."""
    saved = services.create(project, None, "sorter", "image_classification")
    for number, score in enumerate(scores):
        services.publish_version(
            saved,
            services.Trained(bundle=bundle(f"m/{number}"), metric=metric, metrics={metric: score}),
            user=None,
            active=True,
        )
    return saved


def active(saved: SavedModel) -> int:
    return int(saved.versions.get(active=True).number)


@pytest.mark.parametrize(
    ("metric", "scores", "strategy", "number"),
    [
        ("accuracy", (0.9, 0.95, 0.8), "best_score", 2),
        ("log_loss", (0.3, 0.2, 0.5), "best_score", 2),
        ("accuracy", (0.9, 0.9), "best_score", 2),
        ("accuracy", (0.7, None), "best_score", 1),
        ("accuracy", (0.9, 0.95, 0.8), "most_recent", 3),
        ("accuracy", (0.9, 0.95, 0.8), "rollback", 2),
    ],
)
def test_a_rule_finds_its_version(
    project: Project, ada: User, metric: str, scores: tuple[float, ...], strategy: str, number: int
) -> None:
    saved = published(project, *scores, metric=metric)
    answer = Rest(ada).call("POST", ACTIVATE, {"strategy": strategy})
    assert (answer.status_code, answer.json()["active_version"]) == (200, number)
    assert active(saved) == number
    assert AuditEntry.objects.filter(act="version activated").count() == 1


def test_a_score_of_rows_that_were_learned_before_is_none_to_go_by(
    project: Project, ada: User
) -> None:
    saved, rest = published(project, 0.9, 0.95, 0.8), Rest(ada)
    saved.versions.filter(number=2).update(facts={"too_good": "Version 1 had learned from them."})
    assert rest.call("POST", ACTIVATE, {"strategy": "best_score"}).json()["active_version"] == 1
    saved.versions.update(facts={"too_good": "Version 1 had learned from them."})
    refused = rest.call("POST", ACTIVATE, {"strategy": "best_score"})
    assert refused.status_code == 409
    assert "may have learned from the rows that judged it" in refused.json()["error"]["message"]


def test_pages_say_of_each_version_why_its_figures_may_be_too_good(
    project: Project, as_cleo: Browser
) -> None:
    saved, said = published(project, 0.9, 0.95), "Version 1 had learned from them."
    saved.versions.filter(number=2).update(facts={"too_good": said})
    pages = [f"/p/INSECTS/models/{end}" for end in ("sorter/", "")]
    one, every = (as_cleo.get(page).content.decode() for page in pages)
    assert one.count("may be too good") == 2, "the version, and the figure of the active one"
    assert every.count("may be too good") == 1
    services.activate(saved.versions.get(number=1))
    one, every = (as_cleo.get(page).content.decode() for page in pages)
    assert f">{said}<" in one, "not as a title alone, which no finger finds"
    assert "may be too good" not in every


def test_rolling_back_twice_comes_back(project: Project, ada: User) -> None:
    saved = published(project, 0.9, 0.95, 0.8)
    rest = Rest(ada)
    back = [rest.call("POST", ACTIVATE, {"strategy": "rollback"}).json() for _ in range(2)]
    assert [one["active_version"] for one in back] == [2, 3]
    rest.call("POST", ACTIVATE, {"version": 3})  # which it is already: that moves nothing
    rest.call("POST", ACTIVATE, {"strategy": "rollback"})
    assert active(saved) == 2


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "either the version"),
        ({"version": 1, "strategy": "rollback"}, 422, "either the version"),
        ({"strategy": "luckiest"}, 422, "most_recent"),
        ({"strategy": "rollback"}, 409, "none to go back to"),
    ],
)
def test_what_no_rule_means_is_refused(
    project: Project, ada: User, body: dict[str, object], status: int, said: str
) -> None:
    published(project, 0.9)
    answer = Rest(ada).call("POST", ACTIVATE, body)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_what_best_score_leaves_inactive_is_not_what_is_trained_again(
    project: Project, ada: User
) -> None:
    made = analysis(project, ada)
    first_one, worse = trained(project, ada, made), trained(project, ada, made)
    rest = Rest(ada)
    there = "/projects/INSECTS/trained-models/{}/deploy"
    body = {"name": "sorter", "strategy": "best_score"}
    first = rest.call("POST", there.format(first_one.pk), body).json()
    kept = Recipe.objects.get(kind="train").settings
    low = {worse.metric: -1.0}
    TrainedModel.objects.filter(pk=worse.pk).update(metrics=low, algorithm="other")
    second = rest.call("POST", there.format(worse.pk), body).json()
    assert (first["version"], second["version"]) == (1, 2)
    assert second["saved_model"]["active_version"] == 1
    assert Recipe.objects.get(kind="train").settings == kept
    newest = rest.call("POST", there.format(worse.pk), {**body, "strategy": "most_recent"}).json()
    assert newest["saved_model"]["active_version"] == 3
    assert Recipe.objects.get(kind="train").settings["algorithm"] == "other"
    both = rest.call("POST", there.format(worse.pk), {**body, "activate": True})
    assert both.status_code == 422
    assert "either" in both.json()["error"]["message"]


def test_one_call_trains_and_deploys_what_is_better(
    client: Client, project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(project)

    def ends(one: Client, job: int) -> dict[str, object]:
        """As if a worker had trained it: the newest session's model is published."""
        ended_well(Session.objects.latest("id"))
        return one.job(job)

    monkeypatch.setattr(Client, "finished", ends)
    first = train("INSECTS", "photos", strategy="best_score", client=client)
    assert first["saved_model"]["active_version"] == 1
    second = train("INSECTS", "photos", strategy="most_recent", client=client)
    assert second["saved_model"]["active_version"] == 2
    back = deploy("INSECTS", "photos", strategy="rollback", client=client)
    assert back["active_version"] == 1
    with pytest.raises(TracksideError, match="no saved model"):
        deploy("INSECTS", "other", client=client)
