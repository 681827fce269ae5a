"""What pages ask of torch: heat maps, previews, the catalogue; and the demonstration photos."""

import io
import json
import zipfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recipes import bundle, catalogue, rank, told_before
from recipes.data import augment, demo, pictures
from recipes.data.cache import middle, resize
from recipes.engine.heat import heat
from recipes.job import Job, write
from recipes.nets import backbones
from recipes.nets.backbones import ImageInput
from recipes.nets.classifier import Net, Plan, build
from recipes.tasks import TASKS
from tests.recipes import hostile, making


def bare(name: str, classes: int = 2) -> Net:
    torch.manual_seed(3)
    plan = Plan(backbone=name, classes=classes, dropout=0.0, pretrained=False, weights=None)
    net = build(plan).eval()
    torch.nn.init.normal_(net.head[1].weight, 0, 0.1)  # type: ignore[arg-type]
    return net


@pytest.mark.parametrize(
    "name", ["efficientnet_lite0", "resnet18", "swin_t", "vit_b_32", "convnext_tiny", "maxvit_t"]
)
def test_every_family_has_a_heat_map(name: str) -> None:
    size = backbones.find(name).input.size
    net = bare(name)
    found = heat(net, net.body, torch.rand(1, 3, size, size), 1)
    assert found is not None
    assert found.shape[0] == found.shape[1] >= 4
    assert float(found.min()) >= 0
    assert float(found.max()) == 1


@pytest.mark.parametrize(
    "one", [one for one in backbones.known().values() if one.fixed], ids=lambda one: one.name
)
def test_a_net_of_one_size_is_built_for_the_size_of_its_weights(one: backbones.Backbone) -> None:
    size = one.input.size
    net = catalogue.bare(one)
    with torch.no_grad():
        made = net.body.eval()(torch.empty(1, 3, size, size, device="meta"))
    assert made.shape == (1, net.features)
    seen = backbones.input_for(one, asked=size + 32, shorter_side=64, pretrained=True)
    assert seen == one.input  # the job notes it: "takes 224 px here, not 256"


def test_heat_lies_where_the_net_looks() -> None:
    """A net that only answers to what is bright at the top left."""

    class Mean(torch.nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps.mean((2, 3))

    body = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.ReLU(), Mean())
    torch.nn.init.ones_(body[0].weight)  # type: ignore[arg-type]
    net = torch.nn.Sequential(body, torch.nn.Linear(2, 2))
    torch.nn.init.ones_(net[1].weight)  # type: ignore[arg-type]
    picture = torch.zeros(1, 3, 16, 16)
    picture[..., :6, :6] = 1
    found = heat(net, body, picture, 0)
    assert found is not None
    assert float(found[:6, :6].mean()) > 5 * float(found[8:, 8:].mean())


def job(home: Path, kind: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    folder = home / kind
    write(folder, Job(job=1, kind=kind, spec=spec))
    rank.run(folder, rank=0, world=1, rendezvous="")
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def made_bundle(home: Path) -> Path:
    net, seen = bare("resnet18"), backbones.find("resnet18").input
    model = {
        "task": "image_classification",
        "algorithm": "backbone_classifier",
        "params": {"backbone": "resnet18", "dropout": 0.0, "pretrained": False},
        "classes": ["blue", "red"],
        "image": bundle.describe(seen),
    }
    bundle.write(home / "bundle", model, {}, partial(bundle.save_net, net, []))
    return home / "bundle"


def test_explain_shows_dataset_pictures_and_an_upload(tmp_path: Path) -> None:
    making.dataset(tmp_path / "data", {"blue": 2, "red": 1})
    upload = tmp_path / "upload"
    upload.write_bytes(hostile.jpeg())
    broken = tmp_path / "broken"
    broken.write_bytes(hostile.png_with_crc_error())
    images = [
        {"number": 1, "file": str(tmp_path / "data/files/00/1.png")},
        {"file": str(upload)},
        {"file": str(broken)},
    ]
    spec = {"bundle": str(made_bundle(tmp_path)), "images": images, "heat": True}
    last = job(tmp_path, "explain", spec)[-1]
    assert last["type"] == "finished", last
    first, second, third = last["items"]
    assert (first["number"], second["number"]) == (1, None)
    assert sum(first["probas"].values()) == pytest.approx(1)
    assert first["prediction"] == max(first["probas"], key=first["probas"].__getitem__)
    with Image.open(tmp_path / "explain" / second["heat"]) as heat_map:
        assert (heat_map.mode, heat_map.size) == ("RGBA", (224, 224))
    with Image.open(tmp_path / "explain" / second["image"]) as image:
        assert image.size == (224, 224)
    assert "damaged" in third["trouble"]
    names = {path.suffix for path in (tmp_path / "explain/output").iterdir()}
    assert names == {".webp", ".png"}


def test_an_upload_that_is_no_picture_fails_in_a_sentence(tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_bytes(b"<html></html>")
    spec = {"bundle": str(made_bundle(tmp_path)), "images": [{"file": str(page)}], "heat": True}
    last = job(tmp_path, "explain", spec)[-1]
    assert (last["type"], last["code"]) == ("failed", "bad_data")
    assert "HTML" in last["message"]


def test_a_preview_is_what_training_would_see(tmp_path: Path) -> None:
    data = making.dataset(tmp_path / "data", {"blue": 2, "red": 1})
    task = TASKS["image_classification"]
    wild = task.augmentation.clean({"rotation": 30, "brightness": 0.4, "crop": 0.3})
    spec = {
        "dataset": data,
        "augmentation": wild,
        "size": 64,
        "numbers": [0, 2],
        "seed": 5,
        "copies": 3,
    }
    last = job(tmp_path, "preview", spec)[-1]
    assert last["type"] == "finished", last
    assert [item["number"] for item in last["items"]] == [0, 2]
    home = tmp_path / "preview"
    shown = [pictures.open_rgb(home / name) for name in last["items"][0]["copies"]]
    assert {image.size for image in shown} == {(64, 64)}
    assert len({image.tobytes() for image in shown}) == 3
    calm = task.augmentation.clean(
        {**{one.name: 0 for one in task.augmentation.fields}, "crop": 1, "horizontal_flip": False,
         "vertical_flip": False}
    )  # fmt: skip
    seen = ImageInput(size=64, resize=73, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")
    pixels = np.array(resize(pictures.open_rgb(tmp_path / "data/files/00/0.png"), seen))
    assert np.array_equal(augment.one(pixels, calm, 64, 1), middle(pixels, 64))


def test_the_catalogue_counts_once_and_says_what_a_net_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {name: backbones.find(name) for name in ("efficientnet_lite0", "resnet18", "swin_t")}
    monkeypatch.setattr(backbones, "known", lambda: few)
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "none")
    assert told_before.main(["--weights", str(tmp_path), "--quick"]) == 0
    quick = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in quick["backbones"]] == list(few)
    assert not any("activation" in one for one in quick["backbones"])
    assert quick["backbones"][0]["weights"] == "package"
    assert set(quick["libraries"]) >= {"scikit-learn", "xgboost-cu13", "lightgbm"}
    assert not catalogue.catalogue(tmp_path, quick=True)["lasts"]
    full = catalogue.catalogue(tmp_path, quick=False)
    assert full["lasts"]
    resnet = full["backbones"][1]
    assert (resnet["features"], resnet["parameters"], resnet["input"]) == (512, 11_689_512, 224)
    assert 15e6 < resnet["activation"]["all"] < 30e6
    assert resnet["activation"]["head"] < resnet["activation"]["all"]
    monkeypatch.setattr(catalogue, "_count", lambda one: pytest.fail("counted twice"))
    assert catalogue.catalogue(tmp_path, quick=False) == full


def test_what_is_shipped_was_counted_for_every_network_with_these_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After new libraries: `python -m recipes catalogue --weights W`, then W/catalogue.json."""
    shipped = json.loads(catalogue.SHIPPED.read_text())
    assert shipped["versions"] == {name: version(name) for name in shipped["versions"]}
    assert set(shipped["counted"]) == set(backbones.known())
    few = {name: backbones.find(name) for name in ("efficientnet_lite0", "resnet18", "swin_t")}
    for name, one in few.items():
        assert catalogue._counted(one) == shipped["counted"][name]
    monkeypatch.setattr(backbones, "known", lambda: few)
    assert catalogue.catalogue(tmp_path, quick=True)["lasts"]
    assert not (tmp_path / "catalogue.json").exists()


def test_what_is_saved_is_what_autograd_keeps() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    pictures_ = torch.empty((2, 8), device="meta")
    assert catalogue.saved_bytes(net.to("meta"), pictures_) == (8 + 16) * 4


def test_the_demo_is_the_same_each_time_and_not_told_apart_by_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "EACH", 12)
    demo.write(tmp_path / "a.zip")
    demo.write(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    means: dict[str, list[float]] = {}
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        for name in archive.namelist():
            image = pictures.open_rgb(io.BytesIO(archive.read(name)))
            assert image.size == (demo.SIZE, demo.SIZE)
            means.setdefault(name.split("/")[0], []).append(float(np.asarray(image).mean()))
    assert list(means) == ["dent", "scratch", "stain"]
    inside = np.mean([np.std(one) for one in means.values()])
    between = np.std([np.mean(one) for one in means.values()])
    assert between < inside / 2
