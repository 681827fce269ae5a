"""Several ranks for a table: where its algorithm can, and XGBoost's are not exposed; no other."""

from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import lab_stage, table_stage
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.compute.requests import BadCompute
from trackside.flow import services as flow
from trackside.jobs.kinds import placed
from trackside.lab import services
from trackside.lab.models import Analysis, TrainedModel
from trackside.saved_models import services as saved_models

pytestmark = pytest.mark.django_db
ALONE = {"X-Fragment": "1"}  # as js/pages/train.js asks
GPUS = {"kind": "gpus", "uuids": ["GPU-1", "GPU-2"]}


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    table = pa.table({"a": list(range(60)), "b": ["x", "y", "z"] * 20, "good": ["y", "n"] * 30})
    return services.create_analysis(
        project, ada, "t", table_stage.uploaded(project, ada, "rows", table), "good"
    )


def spec(algorithm: str, **more: Any) -> dict[str, Any]:
    return {"task": "two_class", "algorithm": algorithm, **more}


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_xgboost_takes_as_many_as_were_chosen(wish: dict[str, Any]) -> None:
    assert placed(spec("xgboost"), wish) == wish


def test_a_table_is_one_process_where_nothing_is_said() -> None:
    assert placed(spec("xgboost"), {"kind": "cpu"}) == {"kind": "cpu", "ranks": 1}


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
@pytest.mark.parametrize(
    "asked", [spec("random_forest"), spec("xgboost", bundle="models/1")], ids=["forest", "scoring"]
)
def test_nothing_else_does(asked: dict[str, Any], wish: dict[str, Any]) -> None:
    with pytest.raises(BadCompute):
        placed(asked, wish)


@pytest.mark.parametrize("name", ["deep_mlp", "ft_transformer"])
@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_deep_networks_take_several_without_the_owners_word(
    name: str, wish: dict[str, Any]
) -> None:
    assert placed(spec(name), wish) == wish


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_a_scoring_is_shared_without_the_owners_word(wish: dict[str, Any]) -> None:
    """Its ranks speak by PyTorch alone, where the owner says."""
    asked = spec("xgboost", bundle="models/1")
    assert placed(asked, wish, "score") == wish
    with pytest.raises(BadCompute):
        placed(asked, wish, "evaluate")


def test_the_dialog_asks_for_ranks_only_where_they_are_of_use(
    analysis: Analysis, as_ada: Client
) -> None:
    def shown() -> str:
        return as_ada.get("/p/INSECTS/lab/t/train/", headers=ALONE).content.decode()

    lab_stage.node("n", 0)
    assert '<select class="in num" id="ranks"' in shown()
    told = {**lab_stage.CATALOGUE, "why_no_own_network": "Operation not permitted"}
    Node.objects.update(catalogue=told)
    assert "One process with up to half" in shown()


def test_a_regularisation_that_a_gpu_cannot_is_refused_there() -> None:
    asked = spec("logistic_regression", params={"penalty": "l1"})
    with pytest.raises(BadCompute, match="Regularisation 'l1' learns on the CPU alone"):
        placed(asked, {"kind": "any"})
    assert placed(spec("logistic_regression"), {"kind": "any"}) == {"kind": "any"}


TWO = {"kind": "cpu", "ranks": 2}
ALGORITHMS = ("deep_mlp", "random_forest", "ft_transformer")


@pytest.fixture
def three(analysis: Analysis) -> Analysis:
    """A deep network, a forest and a transformer, all switched on."""
    models = [{"algorithm": name, "params": {}} for name in ALGORITHMS]
    return services.save_design(analysis, "models", models)


def taken() -> dict[str, Any]:
    """By algorithm the compute of its job."""
    return {one.algorithm: one.job.compute for one in TrainedModel.objects.all()}


def test_a_click_gives_each_what_it_can_use(three: Analysis, as_ada: Client) -> None:
    lab_stage.node("n", 0)
    wish = {"mode": "cpu", "ranks": "2", "model": ["0", "1", "2"]}
    said = as_ada.post("/p/INSECTS/lab/t/train/plan/", wish).content.decode()
    assert "Random forest learns in one process with up to half of a machine" in said
    assert "Train 3 models" in said
    assert as_ada.post("/p/INSECTS/lab/t/train/", wish).status_code == 201
    ranks = {name: one["ranks"] for name, one in taken().items()}
    assert ranks == {"deep_mlp": 2, "random_forest": 1, "ft_transformer": 2}


def test_a_click_gives_each_the_gpus_it_can_use(three: Analysis, as_ada: Client) -> None:
    lab_stage.node("n", 2, simulated=True)
    gpus = ["GPU-n-0", "GPU-n-1"]
    wish = {"mode": "pick", "gpu": gpus, "model": ["0", "2"]}
    assert as_ada.post("/p/INSECTS/lab/t/train/", wish).status_code == 201
    assert {tuple(one["uuids"]) for one in taken().values()} == {tuple(gpus)}


def test_who_uses_one_gpu_says_so_before_the_click(three: Analysis, as_ada: Client) -> None:
    lab_stage.node("n", 2, simulated=True)
    wish = {"mode": "auto", "count": "2", "model": ["1"]}
    said = as_ada.post("/p/INSECTS/lab/t/train/plan/", wish).content.decode()
    assert "Random forest runs on one GPU, or on the CPU: choose one." in said
    assert "Deep network and FT-Transformer can use several" in said


def test_scripts_train_in_several_ranks(three: Analysis, ada: User) -> None:
    lab_stage.node("n", 2, simulated=True)
    rest, at = Rest(ada), "/projects/INSECTS/analyses/t"
    for wish in (TWO, {"kind": "any", "count": 2}):
        told = rest.call("POST", f"{at}/train", {"compute": wish, "models": [0]})
        assert told.status_code == 201, told.content
    first, second = (one.job.compute for one in TrainedModel.objects.order_by("pk"))
    assert (first["ranks"], second["count"]) == (2, 2)
    assert rest.call("POST", f"{at}/fit", {"compute": TWO}).status_code == 200
    assert rest.call("PATCH", at, {"compute": TWO}).json()["compute"]["ranks"] == 2


def test_a_retraining_takes_several_too(three: Analysis, as_ada: Client, ada: User) -> None:
    lab_stage.node("n", 0)
    saved = saved_models.create(three.project, ada, "deep", three.task)
    settings = {"design": {**three.design, "target": "good"}, **three.design["models"][0]}
    wish = flow.Wish(
        name="again", kind="train", dataset=three.dataset, saved_model=saved, settings=settings
    )
    recipe = flow.create_recipe(three.project, ada, wish)
    assert 'id="pick-ranks"' in as_ada.get("/p/INSECTS/recipes/again/").content.decode()
    job = flow.run_recipe(recipe, ada, TWO)
    assert job.compute["ranks"] == 2
    assert 'id="pick-ranks"' in as_ada.get(f"/p/INSECTS/jobs/{job.pk}/move/").content.decode()
