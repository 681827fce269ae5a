"""The judged rows of a model of a table, and the threshold that is kept in place of its own."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.test import Client

from tests.web import trained_tables
from tests.web.trained_tables import page
from tests.web.world import Rest
from trackside.accounts.models import AuditEntry, User
from trackside.datasets import storage, tables
from trackside.datasets.models import Dataset
from trackside.datasets.table_parquet import ParquetTable
from trackside.flow import scoring
from trackside.flow import services as flow
from trackside.flow.models import Recipe
from trackside.lab import entrants, explaining, judged, kept, reports, thresholds
from trackside.lab.models import TrainedModel
from trackside.lab.services import BadDesign, Refused
from trackside.projects.models import Project


def bundle(model: TrainedModel) -> Path:
    return Path(settings.TRACKSIDE_STORAGE) / model.bundle


@pytest.fixture
def values(learned: dict[str, Path], project: Project, ada: User) -> TrainedModel:
    return trained_tables.placed(project, ada, learned["regression"])


@pytest.mark.parametrize("threshold", [0.0, 0.35, 0.9])
def test_rows_of_two_classes_agree_with_the_matrix_at_each_threshold(
    two: TrainedModel, threshold: float
) -> None:
    told = kept.report_of(two)
    now = next(one for one in told["thresholds"] if one["threshold"] == threshold)
    rows = list(judged.Rows(bundle(two), judged.Wish(threshold=threshold)))
    assert len(rows) == told["rows"]
    true = [one["sure"] if one["right"] else 1 - one["sure"] for one in rows]
    assert true == pytest.approx(sorted(true)), "the lowest probability of the true class first"
    for name, cell in {"tp": "11", "fp": "01", "tn": "00", "fn": "10"}.items():
        wish = judged.Wish(true=cell[0], predicted=cell[1], threshold=threshold)
        found = list(judged.Rows(bundle(two), wish))
        assert len(found) == now[name] == wish.counted(told)
        assert {(one["true"], one["prediction"]) for one in found} <= {(cell[0], cell[1])}
    wrong = judged.Rows(bundle(two), judged.Wish(wrong=True, threshold=threshold))
    assert len(wrong) == now["fp"] + now["fn"] == wrong.wish.counted(told)
    assert not any(one["right"] for one in wrong)


def test_a_row_is_as_sure_as_the_class_that_is_predicted(two: TrainedModel) -> None:
    """Predicted positive at 0.2 a row of 0.3 is 30 % sure, not 70 %."""
    rows = judged.Rows(bundle(two), judged.Wish(predicted="1", threshold=0.2))
    assert min(one["sure"] for one in rows) < 0.5


@pytest.mark.parametrize("wish", [judged.Wish(), judged.Wish(wrong=True)])
def test_a_window_is_read_by_row_groups(
    two: TrainedModel, wish: judged.Wish, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bundle(two) / judged.FILE
    whole = list(judged.Rows(bundle(two), wish))
    pq.write_table(pq.read_table(path), path, row_group_size=16)
    asked: list[int] = []
    batches = ParquetTable._batches

    def counted(table: ParquetTable, groups: list[int], names: list[str]) -> Any:
        asked.extend(groups)
        return batches(table, groups, names)

    monkeypatch.setattr(ParquetTable, "_batches", counted)
    rows = judged.Rows(bundle(two), wish, len(whole))
    assert rows[20:30] == whole[20:30]
    assert len(set(asked)) <= 3
    assert list(rows) == whole


def test_what_the_report_did_not_count_is_counted(
    two: TrainedModel, values: TrainedModel, learned: dict[str, Path]
) -> None:
    odd = judged.Wish(true="1", threshold=0.333)
    assert odd.counted(kept.report_of(two)) is None
    assert len(judged.Rows(bundle(two), odd)) == len(list(judged.Rows(bundle(two), odd)))
    assert judged.Wish(wrong=True).counted(kept.report_of(values)) is None
    several = reports.read(learned["multiclass"] / "bundle")
    wrong = judged.Wish(wrong=True)
    assert len(judged.Rows(learned["multiclass"] / "bundle", wrong)) == wrong.counted(several)


def test_the_page_shows_what_stands_in_the_row(two: TrainedModel, as_ada: Client) -> None:
    told = kept.report_of(two)
    top = told["importance"]["permutation"]["columns"][0]["name"]
    assert f">{top}</th>" in page(as_ada, two, "predictions")
    two.session.analysis.dataset.fingerprint = "other"
    two.session.analysis.dataset.save()
    assert f">{top}</th>" not in page(as_ada, two, "predictions")


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer rows come when the dataset has been looked at and its file is not open yet."""
    looked = tables.is_parquet

    def look(dataset: Dataset) -> bool:
        answer, home = looked(dataset), storage.folder(dataset)
        newer = home.rename(home.with_name(f"{home.name}-newer"))
        folder = str(newer.relative_to(storage.root()))
        Dataset.objects.filter(pk=dataset.pk).update(folder=folder, fingerprint="newer")
        return answer

    monkeypatch.setattr(tables, "is_parquet", look)


@pytest.mark.usefixtures("overtaken")
def test_newer_rows_are_not_shown_beside_a_prediction(two: TrainedModel, as_ada: Client) -> None:
    top = kept.report_of(two)["importance"]["permutation"]["columns"][0]["name"]
    assert f">{top}</th>" not in page(as_ada, two, "predictions")


@pytest.mark.usefixtures("overtaken")
def test_newer_rows_are_not_explained(two: TrainedModel) -> None:
    with pytest.raises(Refused, match="has been changed since the model was trained"):
        explaining.row_of(entrants.of_model(TrainedModel.objects.get(pk=two.pk)), 0)


def test_cells_beside_a_prediction_are_shown_as_the_dataset_has_them(
    two: TrainedModel, as_ada: Client
) -> None:
    dataset = two.session.analysis.dataset
    path = Path(settings.TRACKSIDE_STORAGE) / dataset.folder / "table.parquet"
    table = pq.read_table(path)
    top = kept.report_of(two)["importance"]["permutation"]["columns"]
    for name, values in ((top[0]["name"], True), (top[1]["name"], "long " * 5000)):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array([values] * len(table)))
    pq.write_table(table, path)
    said = page(as_ada, two, "predictions")
    assert ">true</span>" in said
    assert ">True</span>" not in said
    assert len(said) < 200_000, "a long text is cut"


def test_the_largest_errors_of_a_regression_come_first(values: TrainedModel) -> None:
    rows = judged.Rows(bundle(values), judged.Wish())
    errors = [abs(one["error"]) for one in rows]
    assert errors == sorted(errors, reverse=True)
    assert len(rows) == kept.report_of(values)["rows"]


@pytest.mark.parametrize("harm", ["gone", "torn", "damaged"])
def test_predictions_that_cannot_be_read_are_said_so(
    harm: str, two: TrainedModel, as_ada: Client
) -> None:
    path = bundle(two) / judged.FILE
    data = path.read_bytes()
    path.unlink()
    if harm == "torn":
        path.write_bytes(data[:-100])
    elif harm == "damaged":
        path.write_bytes(data[:4] + b"\xff" * 400 + data[404:])
    for query in ("", "?only=wrong"):
        assert "cannot be read" in page(as_ada, two, "predictions", query)


def test_a_kept_threshold_stands_on_every_page_and_in_the_metrics(
    two: TrainedModel, as_ada: Client
) -> None:
    before = kept.report_of(two)
    at = 0.8
    address = f"/p/{two.session.analysis.project.key}/trained-models/{two.pk}/threshold/"
    assert as_ada.post(address, {"threshold": "0.80"}).status_code == 302
    two.refresh_from_db()
    now = next(one for one in thresholds.at_all(before) if one["threshold"] == at)
    assert two.threshold == at
    assert two.metrics["recall"] == pytest.approx(now["recall"])
    assert two.metrics["roc_auc"] == before["metrics"]["roc_auc"]
    assert AuditEntry.objects.filter(act="threshold kept", about__contains="0.8").exists()
    matrix = page(as_ada, two, "confusion")
    assert re.search(rf'data-cell="11">{now["tp"]}<', matrix)
    assert "<b>0.80</b> is kept" in matrix
    assert "was kept in place" in page(as_ada, two, "summary")
    figures = page(as_ada, two, "metrics")
    assert "at the threshold 0.80, which is kept" in figures
    assert "over the folds" not in figures
    assert "from a probability of 0.80 on" in page(as_ada, two, "predictions")
    assert "threshold 0.80" in page(as_ada, two, "decision")
    as_ada.post(address, {"threshold": ""})
    two.refresh_from_db()
    assert two.threshold is None  # type: ignore[unreachable]
    assert two.metrics == before["metrics"]


@pytest.mark.parametrize("given", ["0.333", "-1", "nan", "x", "1.01"])
def test_a_threshold_that_is_none_is_refused_in_a_sentence(
    given: str, two: TrainedModel, as_ada: Client
) -> None:
    address = f"/p/{two.session.analysis.project.key}/trained-models/{two.pk}/threshold/"
    said = as_ada.post(address, {"threshold": given}, follow=True).content.decode()
    assert "from 0 to 1" in said
    two.refresh_from_db()
    assert two.threshold is None


def test_only_editors_keep_a_threshold_and_only_of_two_classes(
    two: TrainedModel, values: TrainedModel, as_cleo: Client, ada: User
) -> None:
    address = f"/p/{two.session.analysis.project.key}/trained-models/{two.pk}/threshold/"
    assert as_cleo.post(address, {"threshold": "0.8"}).status_code == 403
    assert "data-keep" not in page(as_cleo, two, "confusion")
    with pytest.raises(Refused, match="has no threshold"):
        kept.keep_threshold(values, 0.5, ada)
    with pytest.raises(BadDesign, match=r"steps of 0\.01"):
        kept.keep_threshold(two, 0.123, ada)


def test_by_rest_a_threshold_is_kept_and_goes_with_the_deployment(
    two: TrainedModel, ada: User, as_ada: Client
) -> None:
    own, rest = kept.report_of(two)["own"], Rest(ada)

    def patch(**body: Any) -> Any:
        return rest.call("PATCH", f"/projects/INSECTS/trained-models/{two.pk}", body)

    told = patch(threshold=0.8).json()
    assert (told["threshold"], told["own_threshold"]) == (0.8, own)
    assert told["report"]["threshold"] == 0.8
    assert patch(threshold=0.123).json()["error"]["field"] == "threshold"
    assert patch(starred=True).json()["starred"] is True
    two.refresh_from_db()
    saved = flow.deploy(two, "lived", ada)
    assert saved.versions.get().facts["threshold"] == 0.8
    assert "0.80 that was kept" in page(as_ada, two, "summary")
    recipe = Recipe(saved_model=saved, kind="score", settings={})
    assert scoring.spec_of(recipe, saved.versions.get(), {})["threshold"] == 0.8
    recipe.settings = {"threshold": 0.3}
    assert scoring.spec_of(recipe, saved.versions.get(), {})["threshold"] == 0.3
    assert patch(threshold=None).json()["threshold"] == own
    assert saved.versions.get().facts["threshold"] == 0.8, "a version keeps what it was given"


def test_the_threshold_zero_is_a_threshold(two: TrainedModel, as_ada: Client, ada: User) -> None:
    kept.keep_threshold(two, 0.0, ada)
    assert 'value="0.00"' in page(as_ada, two, "confusion")
    assert two.metrics["recall"] == 1
