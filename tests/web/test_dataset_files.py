"""Pascal VOC datasets: their boxes on the page, and why the Lab refuses them; large pictures."""

import json
from typing import Any

import pytest
from django.test import Client

from trackside.accounts.models import User
from trackside.datasets import intake, queries
from trackside.datasets.models import Dataset, DatasetState
from trackside.lab.services import Refused, create_analysis
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/street/"
BOX = {"label": "tram", "xmin": 10, "ymin": 20, "xmax": 300, "ymax": 200}


def line(number: int, boxes: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"path": f"{number}.jpg", "file": f"files/00/{number}.jpg", "sha256": str(number)}
    sizes = {"width": 640, "height": 480, "bytes": 9}
    return {"number": number, **names, **sizes, "split": "", "label": "", "boxes": boxes}


@pytest.fixture
def street(project: Project, ada: User, stage: Any) -> Dataset:
    """Three pictures with boxes, one of them without."""
    lines = [line(0, [BOX, {**BOX, "label": "car"}]), line(1, []), line(2, [BOX])]
    dataset = Dataset(project=project, name="street", kind="images", state=DatasetState.READY)
    dataset.save()
    Dataset.objects.filter(pk=dataset.pk).update(folder=f"datasets/{dataset.pk}")
    dataset.refresh_from_db()
    intake.fill(dataset, {"layout": "voc", "left_out": 0}, lines)
    dataset.save()
    home = queries.folder(dataset)
    (home / "files/00").mkdir(parents=True)
    (home / "index.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    for one in lines:
        intake.picture(dataset, one).save()
    return dataset


def test_the_summary_counts_the_boxes_of_each_object(street: Dataset, as_cleo: Client) -> None:
    assert street.facts["box_classes"] == [
        {"name": "car", "count": 1},
        {"name": "tram", "count": 2},
    ]
    page = as_cleo.get(f"{HOME}?tab=summary").content.decode()
    assert page.index("tram") < page.index(">car<")
    assert "instead of one class each" in page


def test_the_viewer_gets_the_boxes_of_the_pictures_on_the_page(
    street: Dataset, as_cleo: Client
) -> None:
    shown = as_cleo.get(HOME).context["boxes"]
    assert {number: len(one["boxes"]) for number, one in shown.items()} == {0: 2, 2: 1}
    assert shown[2] == {"width": 640, "height": 480, "boxes": [BOX]}


def test_the_lab_refuses_boxes_with_a_sentence(street: Dataset, ada: User) -> None:
    with pytest.raises(Refused, match="has boxes around objects"):
        create_analysis(street.project, ada, "trams", street)


def test_a_large_picture_comes_in_pieces(street: Dataset, as_cleo: Client) -> None:
    pixels = b"\xff\xd8" + bytes(range(256)) * 4000
    (queries.folder(street) / "files/00/2.jpg").write_bytes(pixels)
    answer = as_cleo.get(f"{HOME}images/2/full/")
    pieces = list(answer.streaming_content)  # type: ignore[attr-defined]
    assert len(pieces) == 4
    assert b"".join(pieces) == pixels
    assert int(answer["Content-Length"]) == len(pixels)
    assert answer["Content-Disposition"].startswith("inline; filename=")
