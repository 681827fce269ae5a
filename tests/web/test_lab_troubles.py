"""What is told before a training on a table begins, and designs whose table was corrected since."""

from typing import Any

import pytest

from tests.web import lab_stage, table_stage
from tests.web.test_lab_tables import adults
from trackside.accounts.models import User
from trackside.compute import fit_tables
from trackside.compute.models import UsagePeak
from trackside.compute.services import libraries
from trackside.lab import estimates, handling, queries, running, services
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of
from trackside.projects.models import Project

COLUMNS = [
    {"name": "age", "type": "integer", "missing": 0, "distinct": 40, "min": 0, "max": 90},
    {"name": "gap", "type": "number", "missing": 3, "distinct": 40, "min": 0, "max": 90},
    {"name": "debt", "type": "number", "missing": 0, "distinct": 40, "min": -5.5, "max": 90},
    {"name": "word", "type": "text", "missing": 0, "distinct": 4, "examples": ["a"]},
]


@pytest.fixture
def analysis(project: Project, ada: User) -> Analysis:
    people = table_stage.uploaded(project, ada, "people", adults())
    return services.create_analysis(project, ada, "earners", people, "income")


@pytest.mark.parametrize(
    ("name", "said"),
    [("age", ""), ("gap", "missing in 3 rows"), ("debt", "-5.5 somewhere"), ("word", "is text")],
)
def test_a_weight_is_refused_when_it_is_chosen_not_in_the_job(name: str, said: str) -> None:
    given = {name: {"role": "weight"}}
    if not said:
        assert handling.clean(COLUMNS, given, 100)[name]["role"] == "weight"
        return
    with pytest.raises(services.BadDesign, match=said) as bad:
        handling.clean(COLUMNS, given, 100)
    assert f"features.{name}" in bad.value.errors


def test_what_the_import_said_of_a_column_is_told_in_the_lab(analysis: Analysis) -> None:
    columns = columns_of(analysis.dataset)
    (first, *_) = handling.inputs(columns, "income")
    first["warnings"] = ["Its types are mixed: <b>.", "60% of the values are missing."]
    found = table_findings(analysis.design, columns, 1000)
    (remark,) = [one for one in found if one.title == "1 column has a remark"]
    assert remark.text == f"{first['name']}: Its types are mixed: <b>."


def test_saving_drops_what_no_longer_fits_the_table(analysis: Analysis, as_ada: Any) -> None:
    stale = {"gone": {"role": "ignore"}, "age": {"type": "text"}, "pay": {"role": "ignore"}}
    analysis.design["features"] = stale
    analysis.save()
    page = "/p/INSECTS/lab/earners/design/features/"
    assert "The settings of gone, age do not fit" in as_ada.get(page).content.decode()
    columns = handling.inputs(columns_of(analysis.dataset), "income")
    place = next(n for n, one in enumerate(columns) if one["name"] == "age")
    sent = {f"c{place}-role": "input", f"c{place}-type": "numeric"}
    answer = as_ada.post(page, sent, headers={"Accept": "application/json"})
    assert answer.json()["errors"] == {}
    analysis.refresh_from_db()
    assert analysis.design["features"] == {"pay": {"role": "ignore"}}
    assert "do not fit" not in as_ada.get(page).content.decode()


def test_by_rest_a_change_heals_a_stale_design(analysis: Analysis) -> None:
    analysis.design["features"] = {"gone": {"role": "ignore"}}
    analysis.save()
    services.save_design(analysis, "features", {"pay": {"role": "ignore"}})
    assert analysis.design["features"] == {"pay": {"role": "ignore"}}
    with pytest.raises(services.BadDesign, match="gone"):
        services.save_design(analysis, "features", {"gone": {"role": "input"}})


def test_a_library_counts_whichever_machine_has_it_and_is_asked_for_at_each_click(
    analysis: Analysis, ada: User
) -> None:
    for name, found in (("cpu-01", {"scikit-learn": "1"}), ("cpu-02", {"xgboost-cu13": "3"})):
        node = lab_stage.node(name)
        node.catalogue = {**lab_stage.CATALOGUE, "libraries": found}
        node.save()
    assert libraries() == {"scikit-learn": "1", "xgboost-cu13": "3"}
    services.train(analysis, ada, {"kind": "cpu", "ranks": 1})
    node.heartbeat_at = None
    node.save()
    with pytest.raises(services.Refused, match="No machine has xgboost-cu13"):
        services.train(analysis, ada, {"kind": "cpu", "ranks": 1}, models=[0])


def test_like_trainings_have_the_same_settings_and_the_same_gpu(analysis: Analysis) -> None:
    lab_stage.node(gpus=1)
    model = analysis.design["models"][0]

    def key(model: dict[str, Any], **compute: Any) -> str:
        analysis.design["compute"] = compute
        return estimates.need(analysis, model).key

    more = {**model, "params": {**model["params"], "rounds": 999}}
    keys = [
        key(model, kind="cpu"), key(more, kind="cpu"), key(model, kind="any", count=1),
        key(model, kind="gpus", uuids=["GPU-gpu-01-0"]),
    ]  # fmt: skip
    assert len(set(keys)) == 4
    assert keys[3].endswith("|H100 80GB")
    peaks = [UsagePeak(key=keys[0], seconds=one, peak=10**9) for one in (10, 30, 20)]
    assert fit_tables.duration(keys[0], peaks)["seconds"] == 20
    assert fit_tables.duration(keys[1], peaks)["seconds"] is None
    assert fit_tables.need(keys[0], peaks).bytes == 10**9


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [("random_forest", (100, "tree")), ("xgboost", (300, "round")), ("mlp", (200, "epoch"))],
)
def test_the_training_page_counts_what_the_algorithm_learns_in(
    algorithm: str, told: tuple[int | None, str], analysis: Analysis, ada: User
) -> None:
    lab_stage.node()
    names = [one["algorithm"] for one in analysis.design["models"]]
    compute = {"kind": "cpu", "ranks": 1}
    session = services.train(analysis, ada, compute, models=[names.index(algorithm)])
    (model,) = running.page(session, queries.session_models(session))["models"]
    assert (model["epochs"], model["unit"]) == told
