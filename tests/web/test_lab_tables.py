"""Analyses on tables: what can be predicted, how columns are handled, what a training is given."""

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from recipes.algorithms import ALGORITHMS
from tests.web import lab_stage, table_stage
from trackside.compute.requests import BadCompute
from trackside.datasets.models import Dataset
from trackside.jobs import pausing
from trackside.jobs.models import Job
from trackside.lab import handling, services
from trackside.lab.design import offered
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of

pytestmark = pytest.mark.django_db
ROWS = 60
HOME = "/p/INSECTS/lab/earners/"
TABS = ("target", "split", "metrics", "features", "algorithms", "runtime")
CPU = {"kind": "cpu"}


def adults() -> pa.Table:
    return pa.table(
        {
            "id": list(range(ROWS)),
            "age": [20 + n % 50 if n % 7 else None for n in range(ROWS)],
            "job.title": [("clerk", "cook", "nurse")[n % 3] for n in range(ROWS)],
            "hired": [date(2001, 1, 1 + n % 28) for n in range(ROWS)],
            "same": ["x"] * ROWS,
            "pay": [n * 1.5 for n in range(ROWS)],
            "income": [("<=50K", ">50K")[n % 4 == 0] for n in range(ROWS)],
        }
    )


@pytest.fixture
def people(project: Any, ada: Any) -> Dataset:
    return table_stage.uploaded(project, ada, "people", adults())


@pytest.fixture
def analysis(project: Any, ada: Any, people: Dataset) -> Analysis:
    return services.create_analysis(project, ada, "earners", people, "income")


def test_a_new_analysis_offers_every_algorithm_of_its_task(analysis: Analysis) -> None:
    assert analysis.task == "two_class"
    names = [one["algorithm"] for one in analysis.design["models"]]
    assert names[0] == "xgboost"
    assert [one["on"] for one in analysis.design["models"]].count(True) == 1
    assert analysis.design["features"] == {}
    assert offered({**analysis.design, "models": analysis.design["models"][:1]})[1]["on"] is False


@pytest.mark.parametrize(
    ("target", "task", "field", "said"),
    [
        ("nothing", None, "target", "has no column 'nothing'"),
        ("same", None, "target", "one value in all rows"),
        ("income", "regression", "target", "a regression predicts numbers"),
        ("income", "image_classification", "dataset", "needs images; people is a table"),
        ("label", None, "target", "has no column 'label'"),
    ],
)
def test_a_target_that_cannot_be_learned_is_told_beside_its_field(
    target: str, task: str | None, field: str, said: str, project: Any, ada: Any, people: Dataset
) -> None:
    with pytest.raises(services.BadDesign) as bad:
        services.create_analysis(project, ada, "x", people, target, task)
    assert said in bad.value.errors[field]


def test_images_have_no_task_of_tables(project: Any, ada: Any) -> None:
    with pytest.raises(services.BadDesign, match="needs a table; insects is images"):
        services.create_analysis(
            project, ada, "x", lab_stage.dataset(project, ada), "label", "two_class"
        )


def test_the_page_suggests_the_task_and_makes_the_analysis(as_ada: Any, people: Dataset) -> None:
    html = as_ada.get("/p/INSECTS/analyses/new/?dataset=people").content.decode()
    assert "income · text, 2 values" in html
    html = as_ada.get("/p/INSECTS/analyses/new/?dataset=people&target=income").content.decode()
    assert "suggested" in html
    assert 'value="Predict income on people"' in html
    html = as_ada.get("/p/INSECTS/analyses/new/?dataset=people&target=same").content.decode()
    assert "This column cannot be predicted." in html
    sent = {"dataset": "people", "target": "pay", "task": "regression", "name": "pay"}
    assert as_ada.post("/p/INSECTS/analyses/new/", sent).status_code == 302
    assert Analysis.objects.get(name="pay").task == "regression"
    answer = as_ada.post("/p/INSECTS/analyses/new/", {**sent, "target": "", "name": "other"})
    assert answer.status_code == 422
    assert "Choose the column to predict." in answer.content.decode()


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_renders_for_readers_too(
    tab: str, analysis: Analysis, as_ada: Any, as_cleo: Any
) -> None:
    for person in (as_ada, as_cleo):
        assert person.get(f"{HOME}design/{tab}/").status_code == 200
    assert as_ada.get(f"{HOME}design/architecture/").status_code == 404


def test_the_features_page_shows_defaults_and_finds_columns(
    analysis: Analysis, as_ada: Any
) -> None:
    html = as_ada.get(f"{HOME}design/features/").content.decode()
    assert "Left out: it has one value only" in html
    assert "<b>income</b>" not in html
    html = as_ada.get(f"{HOME}design/features/?q=JOB").content.decode()
    assert "<b>job.title</b>" in html
    assert "<b>age</b>" not in html


def test_only_what_differs_from_the_default_is_stored(analysis: Analysis, as_ada: Any) -> None:
    url, json_ = f"{HOME}design/features/", {"Accept": "application/json"}
    names = [one["name"] for one in handling.inputs(columns_of(analysis.dataset), "income")]
    age = f"c{names.index('age')}-"
    start = {"role": "input", "type": "numeric", "missing": "as_is", "scaling": "automatic"}
    sent = {f"{age}{name}": value for name, value in start.items()}
    assert as_ada.post(url, sent, headers=json_).status_code == 200
    analysis.refresh_from_db()
    assert analysis.design["features"] == {}
    assert as_ada.post(url, {**sent, f"{age}missing": "impute_mean"}).status_code == 302
    analysis.refresh_from_db()
    assert analysis.design["features"] == {"age": {"missing": "impute_mean"}}
    as_ada.post(url, {**sent, f"{age}type": "category", f"{age}missing": "impute_mean"})
    analysis.refresh_from_db()
    assert analysis.design["features"] == {"age": {"type": "category"}}
    bad = {f"{age}role": "input", f"{age}type": "category", f"{age}encoding": "tfidf"}
    answer = as_ada.post(url, bad, headers=json_)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        f"{age}role": "Column 'age': the encoding as category can be onehot, ordinal, target, "
        "frequency, hash, not tfidf."
    }


def test_one_column_alone_is_the_time(analysis: Analysis) -> None:
    services.save_design(analysis, "features", {"hired": {"role": "time"}})
    with pytest.raises(services.BadDesign, match="have the role time; one column may have it"):
        services.save_design(analysis, "features", {"age": {"role": "time"}})


def test_the_spec_is_the_contracts_and_the_same_again(analysis: Analysis) -> None:
    services.save_design(analysis, "features", {"job.title": {"encoding": "target"}})
    model = analysis.design["models"][0]
    spec = services.freeze(analysis, model)
    assert set(spec) == {
        "task", "algorithm", "params", "features", "rebalance", "split", "metric", "dataset",
        "target", "refit",
    }  # fmt: skip
    assert spec["features"]["job.title"]["encoding"] == "target"
    assert spec["features"]["same"]["role"] == "ignore"
    assert json.dumps(spec) == json.dumps(services.freeze(analysis, model))
    scaled = next(m for m in analysis.design["models"] if ALGORITHMS[m["algorithm"]].scales)
    assert services.freeze(analysis, scaled)["features"]["pay"]["scaling"] == "standard"


def test_a_training_on_the_cpu_has_one_rank(analysis: Analysis, ada: Any) -> None:
    session = services.train(analysis, ada, CPU)
    job = Job.objects.get(trained_model__session=session)
    assert job.compute["ranks"] == 1
    assert job.title == "Session 1, earners, XGBoost"


def test_a_training_that_is_moved_to_the_cpu_has_one_rank(analysis: Analysis, ada: Any) -> None:
    lab_stage.node("gpu-01", gpus=1)
    session = services.train(analysis, ada, {"kind": "any"})
    job = Job.objects.get(trained_model__session=session)
    assert pausing.wish_elsewhere(job, CPU)["ranks"] == 1
    assert pausing.wish_elsewhere(job, {"kind": "cpu", "ranks": 2})["ranks"] == 2


@pytest.mark.parametrize(
    ("algorithm", "compute", "said"),
    [
        ("knn", {"kind": "any"}, "learns on the CPU alone: there is nothing to learn"),
        ("random_forest", {"kind": "any"}, "learns by cuML. No machine has cuML"),
        ("lightgbm", {"kind": "any", "count": 2}, "one GPU, or on the CPU"),
        ("lightgbm", {"kind": "cpu", "ranks": 2}, "'ranks' is 1"),
    ],
)
def test_what_an_algorithm_cannot_run_on_is_said_before_it_starts(
    algorithm: str, compute: dict[str, Any], said: str, analysis: Analysis, ada: Any
) -> None:
    lab_stage.node("gpu-01", gpus=2)
    names = [one["algorithm"] for one in analysis.design["models"]]
    with pytest.raises(BadCompute, match=said):
        services.train(analysis, ada, compute, models=[names.index(algorithm)])
    assert not Job.objects.filter(kind="train").exists()


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("features", {"same": {"role": "input"}, "id": {"role": "ignore"}}, ""),
        ("features", {"ages": {"role": "input"}}, "no input column called 'ages'"),
        ("split", {"policy": "time"}, "no column has the role Time"),
    ],
)
def test_a_design_that_cannot_train_is_refused_with_a_sentence(
    part: str, value: dict[str, Any], said: str, analysis: Analysis, ada: Any
) -> None:
    def click() -> None:
        services.save_design(analysis, part, value)
        services.train(analysis, ada, CPU)

    if not said:
        click()
        return
    with pytest.raises(services.Refused, match=said):
        click()


def test_the_dialog_speaks_of_rows_and_says_what_cannot_run_there(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", gpus=1)
    html = as_ada.get(f"{HOME}train/", headers={"X-Fragment": "1"}).content.decode()
    assert "60 rows, 7 columns" in html
    assert "Train 1 model on the CPU" in html
    assert 'name="batch-' not in html
    names = [one["algorithm"] for one in analysis.design["models"]]
    sent = {"mode": "pick", "gpu": "GPU-gpu-01-0", "model": names.index("knn")}
    html = as_ada.post(f"{HOME}train/plan/", sent).content.decode()
    assert "learns on the CPU alone" in html
    sent = {"mode": "pick", "gpu": "GPU-gpu-01-0", "model": 0, "click_id": "one"}
    assert "Train 1 model on 1 GPU" in as_ada.post(f"{HOME}train/plan/", sent).content.decode()
    answer = as_ada.post(f"{HOME}train/", sent)
    assert answer.status_code == 201
    page = as_ada.get(answer.json()["location"])
    assert page.status_code == 200
    assert '"data": "table"' in page.content.decode()


def test_a_library_that_no_machine_has_is_told(analysis: Analysis, as_ada: Any) -> None:
    node = lab_stage.node("cpu-01")
    node.catalogue = {**lab_stage.CATALOGUE, "libraries": {"scikit-learn": "1.9.1"}}
    node.save()
    html = as_ada.get(f"{HOME}design/algorithms/").content.decode()
    assert html.count("pip install xgboost-cu13") == 1
    assert "pip install scikit-learn" not in html
    html = as_ada.post(f"{HOME}train/plan/", {"mode": "cpu", "model": 0}).content.decode()
    assert "No machine has xgboost-cu13" in html
    assert html.count("No machine has a library that it needs") == 1


def test_several_algorithms_are_switched_on_at_once(analysis: Analysis, as_ada: Any) -> None:
    models = analysis.design["models"]
    sent = {f"m{n}-{name}": v for n, m in enumerate(models) for name, v in m["params"].items()}
    sent = {name: value for name, value in sent.items() if value is not False}
    sent |= {"m0-on": "on", "m2-on": "on"}
    json_ = {"Accept": "application/json"}
    answer = as_ada.post(f"{HOME}design/algorithms/", sent, headers=json_)
    assert answer.json()["errors"] == {}
    analysis.refresh_from_db()
    on = [one["algorithm"] for one in analysis.design["models"] if one["on"]]
    assert on == [models[0]["algorithm"], models[2]["algorithm"]]


def finding(analysis: Analysis, **design: Any) -> list[str]:
    shown = {**analysis.design, **design}
    found = table_findings(shown, columns_of(analysis.dataset), analysis.dataset.rows)
    return [one.title for one in found]


def test_a_column_that_says_the_target_in_other_words_is_told(analysis: Analysis) -> None:
    columns = columns_of(analysis.dataset)
    target = next(one for one in columns if one["name"] == "income")
    rich = [
        {"value": word, "count": one["count"]}
        for word, one in zip("yn", target["top"], strict=True)
    ]
    twin = {**target, "name": "rich", "top": rich}
    titles = [one.title for one in table_findings(analysis.design, [*columns, twin], ROWS)]
    assert "1 column may be the target itself" in titles
    assert not [title for title in finding(analysis) if "target itself" in title]


def test_diagnostics_are_told_before_the_training(analysis: Analysis) -> None:
    assert "Few rows" in finding(analysis)
    assert "1 class has under 20 rows" in finding(analysis)
    assert "2 columns are left out by default" in finding(analysis)
    assert "The table has dates" in finding(analysis)
    split = {**analysis.design["split"], "policy": "time"}
    assert "The split by time has no time" in finding(analysis, split=split)
    assert finding(analysis, target="gone") == ["The target is gone"]
    stale = {"gone": {"role": "input"}}
    assert finding(analysis, features=stale) == ["Features do not fit the table any more"]
