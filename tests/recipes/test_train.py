"""Training jobs of one rank, in this process: what they leave, and how they fail."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from recipes import bundle
from recipes.data.listing import BadData
from recipes.engine.finite import NotFinite
from recipes.engine.loop import Loop
from recipes.engine.memory import OutOfMemory, explained
from recipes.engine.peers import Peers
from recipes.engine.training import train
from recipes.job import BadJob, read
from recipes.nets import backbones, weights
from recipes.params import ParamError
from recipes.rank import explain
from tests.recipes.making import dataset, events, job
from tests.recipes.threads import one_thread

__all__ = ["one_thread"]

ALL = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32}
PLAIN = {"horizontal_flip": False, "crop": 1, "brightness": 0, "contrast": 0, "saturation": 0}


def run(folder: Path) -> dict[str, Any]:
    """The result of the job."""
    train(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    (finished,) = events(folder, "finished")
    return finished


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("trained")
    data = dataset(home / "data", {"red": 14, "blue": 14, "green": 10})
    folder = job(home, data, training={"epochs": 8})
    torch.set_num_threads(1)
    run(folder)
    return folder


def test_the_default_learns_small_pictures(trained: Path) -> None:
    (finished,) = events(trained, "finished")
    assert finished["metric"] == "accuracy"
    assert finished["score"] == finished["metrics"]["accuracy"] >= 0.9


def test_the_journal_tells_all_that_the_pages_show(trained: Path) -> None:
    told = [event["type"] for event in events(trained)]
    assert told[0] == "started"
    assert told[-1] == "finished"
    assert {"phase", "progress", "step", "epoch", "checkpoint", "note"} <= set(told)
    facts = events(trained, "finished")[0]["facts"]
    assert facts["images"] == {"train": 19, "val": 19}
    assert facts["retrained"] == "head"
    assert facts["trainable"] == 1280 * 3 + 3 < facts["parameters"]
    assert facts["image_size"] == 64
    assert facts["size"] == sum(one.stat().st_size for one in (trained / "bundle").iterdir())


def test_the_best_epoch_is_the_one_in_the_bundle(trained: Path) -> None:
    report = json.loads((trained / "bundle" / "report.json").read_text())
    model = bundle.read_model(trained / "bundle")
    best = [epoch for epoch in report["history"] if epoch["best"]][-1]
    for name, value in best["metrics"].items():
        assert model["metrics"][name] == pytest.approx(value, abs=1e-6)
    kept = events(trained, "finished")[0]["kept"]
    assert kept == {name: best[name] for name in ("epoch", "train_loss", "val_loss")}
    lines = (trained / "bundle" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == report["images"] == 19
    right = [one["true"] == one["predicted"] for one in map(json.loads, lines)]
    assert sum(right) / 19 == pytest.approx(model["metrics"]["accuracy"])


@pytest.mark.parametrize("name", ["weights.safetensors", "report.json", "predictions.jsonl"])
def test_a_bundle_that_was_tampered_with_is_refused(
    trained: Path, tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(bundle.BadBundle, match=rf"{name} in the bundle .* SHA-256 differs"):
        bundle.load(copy)


def test_a_file_that_the_bundle_does_not_list_is_not_read(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", copy)
    about = json.loads((copy / "model.json").read_text())
    del about["sha256"]["weights.safetensors"]
    (copy / "model.json").write_text(json.dumps(about))
    with pytest.raises(bundle.BadBundle, match=r"holds weights\.safetensors, which .* not list"):
        bundle.load(copy)


def test_a_bundle_holds_no_pickle(trained: Path) -> None:
    names = {one.name for one in (trained / "bundle").iterdir()}
    tensors = {"weights.safetensors", "reference.safetensors"}
    assert names == {"model.json", "report.json", "predictions.jsonl", *tensors}


def test_all_layers_learn_with_augmentation_and_the_rest_of_the_settings(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 7, "blue": 4})
    strong = {"vertical_flip": True, "rotation": 20, "erase": 0.5}
    settings = {"optimizer": "sgd", "schedule": "step", "balance_classes": True}
    settings |= {"label_smoothing": 0.1, "batch_size": 3}
    finished = run(
        job(tmp_path, data, params=ALL, augmentation=strong, training=settings, metric="log_loss")
    )
    assert finished["facts"]["trainable"] == finished["facts"]["parameters"]
    assert finished["score"] == finished["metrics"]["log_loss"]


def test_an_interrupted_training_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset(tmp_path / "data", {"red": 7, "blue": 5})
    given = {"params": ALL, "training": {"epochs": 4, "batch_size": 4}}
    whole, torn = job(tmp_path, data, name="a", **given), job(tmp_path, data, name="b", **given)
    run(whole)
    own = Loop._save

    def interrupted(self: Loop, total: Any) -> None:
        own(self, total)
        if self.at.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(torn)
    run(torn)
    losses = [[epoch["train_loss"] for epoch in events(one, "epoch")] for one in (whole, torn)]
    assert losses[0] == losses[1]
    assert "Goes on after epoch 2, from its checkpoint." in [
        note["text"] for note in events(torn, "note")
    ]


def test_finish_early_keeps_the_best_weights_and_succeeds(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 6, "blue": 6})
    folder = job(tmp_path, data, params=ALL, training={"epochs": 500, "early_stopping": False})
    (folder / "stop").write_text("finish_early\n")
    assert run(folder)["facts"]["epochs"] == 1


def test_early_stopping_says_why_it_ended(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 6, "blue": 6})
    stop = {"epochs": 50, "patience": 2, "min_delta": 1}
    finished = run(job(tmp_path, data, params=ALL, training=stop))
    assert finished["facts"]["epochs"] == 3
    (note,) = [note for note in events(tmp_path / "job", "note") if "Stopped" in note["text"]]
    assert note["text"] == "Stopped after epoch 3: Accuracy has not improved for 2 epochs."


def test_a_loss_that_is_no_number_is_a_sentence_with_advice(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 6, "blue": 6})
    steep = {"learning_rate": 10, "optimizer": "sgd", "warmup_epochs": 0, "epochs": 200}
    steep |= {"early_stopping": False}
    folder = job(tmp_path, data, params={**ALL, "dropout": 0}, training=steep)
    with pytest.raises(NotFinite, match=r"no finite number .* than 10 \(try 1\)"):
        run(folder)


@pytest.mark.parametrize("batch", [1, 2, 64])
@pytest.mark.parametrize("augmentation", [PLAIN, {}])
def test_any_batch_size_trains_even_one_that_leaves_a_single_picture(
    tmp_path: Path, batch: int, augmentation: dict[str, Any]
) -> None:
    data = dataset(tmp_path / "data", {"red": 4, "blue": 5})
    short = {"batch_size": batch, "epochs": 1}
    run(job(tmp_path, data, params=ALL, training=short, augmentation=augmentation))


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA"])
def test_pictures_of_every_mode_train(tmp_path: Path, mode: str) -> None:
    data = dataset(tmp_path / "data", {"red": 4, "blue": 4}, mode=mode)
    run(job(tmp_path, data, params=ALL, training={"epochs": 1}))


def test_a_damaged_picture_is_left_out_with_a_warning(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 6, "blue": 6})
    Path(data["folder"], "files", "00", "3.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    folder = job(tmp_path, data)
    assert run(folder)["facts"]["images"] == {"train": 6, "val": 5}
    (warning,) = [note for note in events(folder, "note") if note["level"] == "warning"]
    assert warning["text"].startswith("red/3.png is left out: ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"params": {"backbone": "resnet9000"}}, "no backbone called 'resnet9000'"),
        ({"params": {"depth": 3}}, "no setting called 'depth'"),
        ({"training": {"epochs": 0}}, "'Epochs' must lie between"),
        ({"metric": "beauty"}, "no metric 'beauty'. Known: accuracy"),
    ],
)
def test_a_design_that_is_wrong_is_refused_with_a_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})
    with pytest.raises((BadJob, ParamError, backbones.UnknownBackbone), match=sentence) as wrong:
        run(job(tmp_path, data, **changes))
    assert explain(wrong.value)[0] == "bad_job"


def test_one_class_is_refused_as_bad_data(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 4})
    with pytest.raises(BadData, match="two classes at least"):
        run(job(tmp_path, data))


def test_weights_that_cannot_be_fetched_are_a_sentence_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})
    with pytest.raises(weights.WeightsMissing) as wrong:
        run(job(tmp_path, data, params={"backbone": "resnet18"}))
    assert "ResNet-18" in str(wrong.value)
    assert "EfficientNet-Lite0" in str(wrong.value)
    assert "resnet18-f37072fd.pth" in str(wrong.value)
    assert explain(wrong.value)[0] == "weights_missing"


def test_an_offline_machine_fetches_no_weights_and_says_which_file_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(*_: object, **__: object) -> None:
        pytest.fail("It asked the internet.")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetched)
    resnet, lite = backbones.find("resnet18"), backbones.find("efficientnet_lite0")
    assert weights.where(resnet, tmp_path) == "download"
    monkeypatch.setenv("TRACKSIDE_OFFLINE", "1")
    assert weights.where(resnet, tmp_path) == "missing"
    with pytest.raises(weights.WeightsMissing, match="TRACKSIDE_OFFLINE keeps them") as wrong:
        weights.ensure(resnet, tmp_path)
    assert f"into {tmp_path} as resnet18-f37072fd.pth" in str(wrong.value)
    assert weights.ensure(lite, tmp_path).is_file()
    (tmp_path / resnet.file).touch()
    assert weights.ensure(resnet, tmp_path) == tmp_path / resnet.file


def test_out_of_memory_says_what_to_try() -> None:
    with (
        pytest.raises(OutOfMemory, match="a batch size of 16 instead of 32, or retrain the head"),
        explained(torch.device("cpu"), batch=32, size=224, retrained="all"),
    ):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")


@pytest.mark.parametrize(
    ("side", "pretrained", "size"), [(28, True, 128), (32, False, 32), (300, True, 224)]
)
def test_small_pictures_get_a_sensible_size(side: int, pretrained: bool, size: int) -> None:
    lite0 = backbones.known()["efficientnet_lite0"]
    seen = backbones.input_for(lite0, asked=0, shorter_side=side, pretrained=pretrained)
    assert seen.size == size
    assert seen.resize == (256 if size == 224 else size)
