"""The document of a model: its content as a page and as a PDF, of tables and of pictures."""

import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage, trained_tables
from tests.web.world import Rest
from trackside.accounts.models import AuditEntry, User
from trackside.datasets.models import Dataset
from trackside.flow import services as flow
from trackside.lab import document_charts, document_pdf, services
from trackside.lab.document import _limits, document
from trackside.lab.document_svg import svg
from trackside.lab.drawing import Axis, Chart
from trackside.lab.entrants import of_model, of_version
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import Version

SECTIONS = (
    "Problem", "Data", "Train and test", "Handling of the inputs", "Algorithm", "Training",
    "Metrics", "Performance", "Limits", "Versions and files",
)  # fmt: skip
NASTY = '#import "x" <script>$a$ *b* \\ [c] {{ d }} \u65e5\u672c'


@pytest.fixture
def pictures(project: Project, ada: User) -> TrainedModel:
    lab_stage.node("gpu-01", 1)
    session = services.train(lab_stage.analysis(project, ada), ada, {"kind": "cpu"}, "First")
    model = lab_stage.trained(session)
    about = {"fingerprint": "f" * 64, "sha256": {"weights.safetensors": "a" * 64}}
    place = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "model.json"
    place.write_text(json.dumps(about))
    return model


def words_of(pdf: bytes) -> int:
    """How many text-showing commands the pages have: what is drawn alone has none."""
    found = 0
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found += len(re.findall(rb"\bT[jJ]\b", zlib.decompress(packed)))
        except zlib.error:
            continue
    return found


@pytest.mark.parametrize("task", ["two_class", "regression"])
def test_a_model_of_a_table_is_documented_whole(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_cleo: Client
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    Dataset.objects.update(state="ready")
    place = f"/p/INSECTS/trained-models/{model.pk}/document"
    html = as_cleo.get(f"{place}/").content.decode()
    told = model.job.spec["dataset"]["fingerprint"] if model.job else ""
    charts = {"two_class": ("ROC curve", "Calibration curve"), "regression": ("Residuals",)}[task]
    for part in (*SECTIONS, "What the model looks at", "Partial dependence", told, *charts):
        assert part in html, part
    assert ("Loss of a regression" in html) == (task == "regression")
    assert "the positive class" not in html
    assert html.count('<svg class="fig-svg') >= 5
    answer = as_cleo.get(f"{place}.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.")
    assert words_of(answer.content) > 300


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ({"search": {"folds": 3}}, "no other row has chosen them"),
        ({"search": {"folds": 0}}, "by the validation rows: the figures of these are a little too"),
        ({"search": {"folds": 0}, "test": {"rows": 9}}, "those of the test rows are not"),
        ({"search": {"folds": 0}, "folds": {"r2": {}}}, "by the rows of the cross-test"),
        ({"search": {"folds": 3}, "folds": {"r2": {}}}, "by the rows of the cross-test"),
    ],
)
def test_the_limits_say_which_rows_chose_the_settings(
    report: dict[str, Any], says: str, pictures: TrainedModel
) -> None:
    one = replace(of_model(pictures), report=report)
    (said,) = _limits(one)
    found = [text for text in said["lines"] if text.startswith("Its settings")]
    assert len(found) == 1
    assert says in found[0]
    assert ("test rows" in found[0]) == ("test" in report)


def test_a_model_of_pictures_is_documented_as_well(
    pictures: TrainedModel, as_cleo: Client, as_dan: Client
) -> None:
    place = f"/p/INSECTS/trained-models/{pictures.pk}/document"
    html = as_cleo.get(f"{place}/").content.decode()
    for part in (*SECTIONS, "Loss", "The most confident mistakes", "244", "a" * 64, "not deployed"):
        assert part in html, part
    assert "rows" not in html.split("Metrics</h2>")[1].split("Confusion matrix")[0]
    assert words_of(as_cleo.get(f"{place}.pdf").content) > 100
    for address in (f"{place}/", f"{place}.pdf"):
        assert as_dan.get(address).status_code == 404


def test_a_version_has_a_document_and_rest_gives_both_forms(
    pictures: TrainedModel, ada: User, as_cleo: Client
) -> None:
    flow.deploy(pictures, "sorter", ada)
    version = Version.objects.get()
    page = as_cleo.get("/p/INSECTS/models/sorter/versions/1/document/").content.decode()
    assert "sorter v1" in page
    assert "active" in page
    assert of_version(version).origin == pictures.label
    rest = Rest(ada)
    for place in (f"trained-models/{pictures.pk}", "saved-models/sorter/versions/1"):
        address = f"/projects/INSECTS/{place}/document"
        alone = rest.call("GET", address)
        assert alone["Content-Type"].startswith("text/html")
        assert '<nav class="app' not in alone.content.decode()
        pdf = rest.call("GET", address, Accept="application/pdf")
        assert pdf.content.startswith(b"%PDF-1."), pdf.content[:200]
        assert pdf["Content-Disposition"].endswith('.pdf"')
    assert (
        rest.call("GET", "/projects/INSECTS/saved-models/sorter/versions/9/document").status_code
        == 404
    )


def test_both_forms_hold_the_same_blocks(pictures: TrainedModel) -> None:
    made = document(of_model(pictures))
    kinds = {block["kind"] for section in made["sections"] for block in section["blocks"]}
    assert kinds == {"text", "pairs", "table", "list", "matrix", "figure"}
    page = (settings.TEMPLATES[0]["DIRS"][0] / "lab/_document.html").read_text()  # type: ignore[index]
    typst = document_pdf.SOURCE.read_text()
    for kind in (*kinds, "bars"):
        assert f'b.kind == "{kind}"' in page
        assert f'b.kind == "{kind}"' in typst


def test_what_people_wrote_is_text_and_never_markup(
    pictures: TrainedModel, as_cleo: Client
) -> None:
    TrainedModel.objects.filter(pk=pictures.pk).update(label=NASTY[:120])
    place = f"/p/INSECTS/trained-models/{pictures.pk}/document"
    html = as_cleo.get(f"{place}/").content.decode()
    assert "&lt;script&gt;" in html
    assert "<script>$a$" not in html
    answer = as_cleo.get(f"{place}.pdf")
    assert answer.content.startswith(b"%PDF-1.")
    assert re.fullmatch(r'inline; filename="[A-Za-z0-9_]+\.pdf"', answer["Content-Disposition"])


def test_a_drawing_of_the_pdf_escapes_its_words() -> None:
    chart = Chart("x", Axis('a < "b" & c'), Axis("y")).line("<l>", [(0, 0), (1, 1)], dots=True)
    chart.guide([(0, 0), (1, 1)], "g").bars([0, 0.5, 1], [0.2, None], "a1").dots([(0.5, 0.5)])
    drawn = svg(chart.drawn())
    assert "a &lt; " in drawn
    assert "<l>" not in drawn
    for part in ("<path", "<rect", "<circle", "stroke-dasharray"):
        assert part in drawn


def test_control_characters_do_not_break_a_document(pictures: TrainedModel) -> None:
    nasty = "a\x00\x01\x0b\x1b\ufffe\ud800b"
    chart = Chart(nasty, Axis(nasty), Axis("y")).line(nasty, [(0, 0), (1, 1)])
    assert "a\ufffd" in "".join(ElementTree.fromstring(svg(chart.drawn())).itertext())
    found = document(of_model(pictures))
    figure = {"kind": "figure", "title": nasty, "help": nasty, "chart": chart.drawn()}
    found["sections"][0]["blocks"] += [figure, {"kind": "text", "text": nasty}]
    assert document_pdf.pdf(found | {"title": nasty}).startswith(b"%PDF-1.")


def test_many_classes_are_cut_and_counted(pictures: TrainedModel) -> None:
    one = of_model(pictures)
    listed = [{"name": f"c{n}", "support": n, "precision": 0.5} for n in range(5000)]
    one = replace(one, report={"per_class": listed})
    listing, said = document_charts.performance(one)
    assert len(listing["rows"]) == document_charts.BY_CLASS
    assert listing["rows"][0][0] == "c4999"
    assert "4,800 more" in said["text"]


def test_who_would_wait_too_long_is_told_and_nothing_is_noted(
    pictures: TrainedModel,
    ada: User,
    as_cleo: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    page = f"/p/INSECTS/trained-models/{pictures.pk}/document.pdf"
    address = f"/projects/INSECTS/trained-models/{pictures.pk}/document"
    full = BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(document_pdf, "PLACES", full)
    assert as_cleo.get(page).status_code == 503
    busy = Rest(ada).call("GET", address, Accept="application/pdf")
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "busy")
    full.release()
    wrong = tmp_path / "wrong.typ"
    wrong.write_text('#panic("as a table that Typst cannot set")')
    monkeypatch.setattr(document_pdf, "SOURCE", wrong)
    for answer in (as_cleo.get(page), Rest(ada).call("GET", address, Accept="application/pdf")):
        assert answer.status_code == 409
        assert b"Print the page instead" in answer.content
    assert not AuditEntry.objects.filter(act="download").exists()
    assert full.acquire(blocking=False), "the place is free again"


def test_data_that_changed_or_went_are_not_shown_as_those_of_the_training(
    pictures: TrainedModel, as_cleo: Client
) -> None:
    place = f"/p/INSECTS/trained-models/{pictures.pk}/document"
    Dataset.objects.update(fingerprint="e" * 64)
    html = as_cleo.get(f"{place}/").content.decode()
    assert "has changed since the training" in html
    assert "f" * 64 in html
    (Path(settings.TRACKSIDE_STORAGE) / pictures.bundle / "report.json").write_text("{")
    for address in (f"{place}/", f"{place}.pdf"):
        answer: Any = as_cleo.get(address)
        assert answer.status_code == 409
        assert "its bundle is not whole" in answer.content.decode()
