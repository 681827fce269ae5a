"""The search in a design: its page, what it keeps, what a training is given, how long it takes."""

from typing import Any

import pytest

from recipes import search
from recipes.algorithms import ALGORITHMS
from tests.web import lab_stage, table_stage
from tests.web.test_lab_tables import adults
from trackside.compute.models import UsagePeak
from trackside.jobs.models import Job
from trackside.lab import estimates, searching, services
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of

pytestmark = pytest.mark.django_db
PAGE = "/p/INSECTS/lab/earners/design/search/"
JSON = {"Accept": "application/json"}
CPU = {"kind": "cpu"}
XGBOOST = ALGORITHMS["xgboost"].params


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    people = table_stage.uploaded(project, ada, "people", adults())
    return services.create_analysis(project, ada, "earners", people, "income")


def wish(analysis: Analysis, **more: Any) -> None:
    services.save_design(analysis, "search", {"strategy": "random", "trials": 5, **more})


def sent(strategy: str = "random", drawn: str = "random", **more: str) -> dict[str, str]:
    """The page as it is sent: XGBoost with its standard space."""
    made = {"strategy": strategy, "drawn": drawn, "trials": "5", "minutes": "0", "folds": "3"}
    made |= {"m0-shown": "1", "m0-searched": "on"}
    for name, tried in searching.space_of({"algorithm": "xgboost"}, drawn).items():
        field = f"m0.{name}"
        if isinstance(tried, search.Values):
            told = {"how": "values", "values": ", ".join(map(str, tried.values))}
        else:
            told = {"how": "range", "low": f"{tried.low:g}", "high": f"{tried.high:g}"}
            told |= {"log": "on"} if tried.log else {}
        made |= {f"{field}-{key}": value for key, value in told.items()}
    return made | more


def test_nothing_is_searched_unless_somebody_asks(analysis: Analysis, ada: Any) -> None:
    assert analysis.design["search"]["strategy"] == "none"
    assert "search" not in services.freeze(analysis, analysis.design["models"][0])
    del analysis.design["search"]  # of an analysis that is older than the search
    assert "search" not in services.freeze(analysis, analysis.design["models"][0])


def test_a_training_is_given_the_whole_standard_space(analysis: Analysis, ada: Any) -> None:
    wish(analysis, folds=0)
    session = services.train(analysis, ada, CPU)
    found = session.models.get()
    assert found.job is not None
    given = found.job.spec["search"]
    assert given["strategy"] == "random"
    assert given["space"] == search.spec(search.standard(XGBOOST, "random"))
    assert found.search == given
    assert found.job.spec["refit"] is True
    services.save_design(analysis, "runtime", {"refit": False})
    assert services.freeze(analysis, analysis.design["models"][0])["refit"] is False


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"strategy": "best"}, "search.strategy", "must be one of none, tpe, random, grid"),
        ({"trials": 0}, "search.trials", "between 1 and 1000"),
        ({"folds": 1}, "search.folds", "2 folds at least"),
        ({"minutes": -1}, "search.minutes", "between 0"),
        ({"tries": 3}, "search.tries", "no setting called 'tries'"),
    ],
)
def test_wrong_settings_are_told_by_field(
    change: Any, field: str, said: str, analysis: Analysis
) -> None:
    with pytest.raises(services.BadDesign) as bad:
        services.save_design(analysis, "search", change)
    assert said in bad.value.errors[field]


@pytest.mark.parametrize(
    ("space", "field", "said"),
    [
        ({"depth": {"values": [3]}}, "models.0.space.depth", "no setting called 'depth'"),
        ({"max_depth": {"values": [3, 99]}}, "models.0.space.max_depth", "between 0 and 64"),
        ({"max_depth": {"values": []}}, "models.0.space.max_depth", "Give a value to try"),
        ({"max_depth": {"low": 9, "high": 3}}, "models.0.space.max_depth", "begin below its end"),
        ({"booster": {"low": 1, "high": 3}}, "models.0.space.booster", "is no number"),
        ([], "", ""),
        ("all", "models.0.space", "maps settings to what is tried"),
    ],
)
def test_a_space_is_checked_setting_by_setting(
    space: Any, field: str, said: str, analysis: Analysis
) -> None:
    one = {**analysis.design["models"][0], "space": space}
    if not field:
        services.save_design(analysis, "models", [one])
        assert "space" not in analysis.design["models"][0], "nothing of its own is the standard one"
        return
    with pytest.raises(services.BadDesign) as bad:
        services.save_design(analysis, "models", [one])
    assert said in bad.value.errors[field]


def test_settings_of_other_tools_are_searched_under_todays_names(analysis: Analysis) -> None:
    one = {"algorithm": "xgboost", "space": {"n_estimators": {"values": [10, 20]}}}
    services.save_design(analysis, "models", [one])
    assert analysis.design["models"][0]["space"] == {"rounds": {"values": [10, 20]}}


def test_the_page_shows_the_space_once_there_is_a_strategy(
    analysis: Analysis, as_ada: Any, as_cleo: Any
) -> None:
    assert "m0.max_depth-how" not in as_ada.get(PAGE).content.decode()
    wish(analysis)
    for person in (as_ada, as_cleo):
        html = person.get(PAGE).content.decode()
        assert 'name="m0.max_depth-low" value="3"' in html
        assert "5 trials at most, each a cross-test of 3 folds." in html
    wish(analysis, strategy="grid", trials=1000)
    html = as_ada.get(PAGE).content.decode()
    points = search.count(search.standard(XGBOOST, "grid"))
    assert f"A grid of {points} points; {(points or 0) + 1} trials at most" in html


def test_what_is_the_standard_one_is_not_kept(analysis: Analysis, as_ada: Any) -> None:
    answer = as_ada.post(PAGE, sent(), headers=JSON)
    assert answer.status_code == 200, answer.content
    analysis.refresh_from_db()
    assert "space" not in analysis.design["models"][0]
    assert analysis.design["search"]["trials"] == 5
    as_ada.post(PAGE, sent("grid"), headers=JSON)  # drawn for ranges: it is the grid's standard now
    analysis.refresh_from_db()
    assert "space" not in analysis.design["models"][0]
    assert as_ada.post(PAGE, sent("grid", "grid"), headers=JSON).status_code == 200
    analysis.refresh_from_db()
    assert "space" not in analysis.design["models"][0]


def test_values_and_ranges_of_ones_own_are_kept(analysis: Analysis, as_ada: Any) -> None:
    own = {"m0.max_depth-how": "values", "m0.max_depth-values": "3, 5;7"}
    own |= {"m0.booster-how": "values", "m0.booster-values": "dart", "m0.subsample-how": "fixed"}
    assert as_ada.post(PAGE, sent(**own), headers=JSON).status_code == 200
    analysis.refresh_from_db()
    space = analysis.design["models"][0]["space"]
    assert space["max_depth"] == {"values": [3, 5, 7]}
    assert space["booster"] == {"values": ["dart"]}
    assert space["learning_rate"]["log"] is True
    assert "subsample" not in space
    as_ada.post(PAGE, sent("grid", **own), headers=JSON)
    analysis.refresh_from_db()
    space = analysis.design["models"][0]["space"]
    assert space["learning_rate"] == {"values": [0.02, 0.0632, 0.2]}, "a grid has no ranges"
    assert as_ada.post(PAGE, {**sent(**own), "standard": "0"}).status_code == 302
    analysis.refresh_from_db()
    assert "space" not in analysis.design["models"][0]


def test_wrong_values_come_back_beside_their_fields_and_nothing_is_kept(
    analysis: Analysis, as_ada: Any
) -> None:
    wrong = {"m0.max_depth-how": "values", "m0.max_depth-values": "3, deep", "trials": "0"}
    answer = as_ada.post(PAGE, sent(**wrong), headers=JSON)
    assert answer.status_code == 422
    said = answer.json()["errors"]
    assert "must be a whole number, not 'deep'" in said["m0.max_depth-values"]
    assert "between 1 and 1000" in said["trials"]
    analysis.refresh_from_db()
    assert analysis.design["search"]["strategy"] == "none"
    none = {"strategy": "tpe", "drawn": "tpe", "m0-shown": "1", "m0-searched": "on"}
    said = as_ada.post(PAGE, none, headers=JSON).json()["errors"]
    assert "Nothing is searched of it" in said["m0-searched"]
    answer = as_ada.post(PAGE, none)
    assert answer.status_code == 422
    assert "Nothing is searched of it" in answer.content.decode()


def test_a_model_that_is_not_searched_is_trained_as_it_is(
    analysis: Analysis, as_ada: Any, ada: Any
) -> None:
    form = sent()
    del form["m0-searched"]
    as_ada.post(PAGE, form, headers=JSON)
    analysis.refresh_from_db()
    assert analysis.design["models"][0]["searched"] is False
    assert "Trained once, with its settings as they are." in as_ada.get(PAGE).content.decode()
    assert "search" not in services.freeze(analysis, analysis.design["models"][0])


def test_what_cannot_be_searched_is_told_before_the_click(
    analysis: Analysis, as_ada: Any, ada: Any
) -> None:
    lab_stage.node("cpu-01")
    one = {**analysis.design["models"][0], "space": {"max_depth": {"low": 2, "high": 5}}}
    services.save_design(analysis, "models", [one])
    wish(analysis, strategy="grid")
    said = "A grid needs values to try of &#x27;Maximum depth of tree&#x27;"
    assert said in as_ada.get(PAGE).content.decode()
    assert "It cannot search" in as_ada.get(PAGE.replace("search", "metrics")).content.decode()
    home = "/p/INSECTS/lab/earners/"
    html = as_ada.get(f"{home}train/", headers={"X-Fragment": "1"}).content.decode()
    assert said in html
    assert "Fix the choice" in html
    with pytest.raises(services.Refused, match="A grid needs values"):
        services.train(analysis, ada, CPU)
    assert not Job.objects.filter(kind="train").exists()


def test_the_dialog_says_how_many_trials_there_are_and_how_long_they_take(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("cpu-01")
    model = analysis.design["models"][0]
    alone = estimates.need(analysis, model)
    UsagePeak.objects.create(key=alone.key, batch=0, peak=2**28, ranks=1, images=0, epochs=0,
                             seconds=2.0, estimated=0)  # fmt: skip
    wish(analysis)
    asked = estimates.need(analysis, model)
    assert asked.bytes == 2**28
    assert asked.key != alone.key, "what a search takes says nothing of one training"
    told = estimates.seconds(analysis, model)
    assert told["seconds"] == 5 * 3 * 2.0 + 2.0
    assert "The search fits 15 models" in told["basis"]
    crossed = {**searching.asked(analysis.design, model), "folds": 0}
    assert searching.fits(crossed, "xgboost", {"policy": "kfold", "folds": 4}) == 20
    wish(analysis, minutes=0.25)
    assert estimates.seconds(analysis, model)["seconds"] == 15 + 2.0
    address = "/p/INSECTS/lab/earners/train/"
    html = as_ada.get(address, headers={"X-Fragment": "1"}).content.decode()
    assert "random search, 5 trials, 0.25 min at most" in html


def test_images_have_no_search(project: Any, ada: Any, as_ada: Any) -> None:
    lab_stage.analysis(project, ada)
    assert as_ada.get("/p/INSECTS/lab/insect sorter/design/search/").status_code == 404


def test_a_search_without_a_test_set_is_told(analysis: Analysis) -> None:
    def told(**more: Any) -> bool:
        shown = {**analysis.design, **more}
        found = table_findings(shown, columns_of(analysis.dataset), analysis.dataset.rows)
        return "The search has no test set" in [one.title for one in found]

    tested = {**analysis.design["split"], "train_share": 0.6}
    assert not told()
    assert told(search={"strategy": "tpe"})
    assert not told(search={"strategy": "tpe"}, split=tested)
