"""An upload becomes a dataset: every good picture kept, every bad file named with its reason."""

import ctypes
import json
import stat
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from recipes.data import archive as archives
from recipes.data import pictures
from recipes.data.sandbox import Limits, Refused
from recipes.data.unpack import decode
from tests.recipes import hostile
from tests.recipes.taken import imported


def test_the_shape_of_a_dataset(tmp_path: Path) -> None:
    members = [("train/a/1.jpg", hostile.jpeg(1)), ("val/b/2.jpg", hostile.jpeg(2))]
    made = imported(hostile.zipped(tmp_path / "x.zip", members))
    first = made.lines[0]
    assert first["number"] == 0
    assert (first["path"], first["split"], first["label"]) == ("train/a/1.jpg", "train", "a")
    assert (first["width"], first["height"], first["use"]) == (60, 40, True)
    assert (made.folder / first["file"]).read_bytes() == hostile.jpeg(1)
    with Image.open(made.folder / "thumbs/00/0.webp") as thumb:
        assert thumb.size == (60, 40)
    assert made.facts["layout"] == "split_class_folders"
    assert made.facts["splits"] == {"train": 1, "val": 1}
    assert made.facts["width"] == {"min": 60, "median": 60, "max": 60}
    assert json.loads((made.folder / "facts.json").read_text()) == made.facts


def test_each_bad_file_is_named_and_nothing_else_is_lost(tmp_path: Path) -> None:
    bad = {
        "a/crc.png": (hostile.png_with_crc_error(), "damaged"),
        "a/cut.jpg": (hostile.jpeg()[:700], "cut off"),
        "a/empty.jpg": (b"", "The file is empty."),
        "a/page.jpg": (b"<html>404</html>", "an HTML file"),
        "a/huge.png": (hostile.png_of(60_000, 60_000), "60000 x 60000 pixels"),
        "a/notes.txt": (b"hello", "not a picture"),
        "a/inner.zip": (b"PK\x03\x04rest", "archive inside the archive"),
        "b/scene.svg": (b"<svg onload='x'/>", "an SVG"),
    }
    good = [
        (f"{label}/{number}.jpg", hostile.jpeg(number)) for number in range(4) for label in "ab"
    ]
    members = [(name, data) for name, (data, _) in bad.items()]
    made = imported(hostile.zipped(tmp_path / "x.zip", [*good[:3], *members, *good[3:]]))
    assert [line["path"] for line in made.lines] == [name for name, _ in good]
    for name, (_, says) in bad.items():
        assert says in made.why(name), name
    assert made.facts["left_out"] == len(bad)


def test_a_gif_is_left_out_and_can_be_kept(tmp_path: Path) -> None:
    gif = hostile.saved(hostile.noise(), "GIF")
    members = [("a/1.jpg", hostile.jpeg(1)), ("b/2.gif", gif), ("b/3.jpg", hostile.jpeg(3))]
    made = imported(hostile.zipped(tmp_path / "x.zip", members))
    assert [line["use"] for line in made.lines] == [True, False, True]
    problem = made.problems[0]
    assert problem["number"] == 1
    assert problem["what"] == "GIF, palette, 1 frame: not a photograph"
    assert (made.facts["images"], made.facts["left_out"]) == (2, 1)


def test_odd_names_are_labels_and_junk_is_ignored(tmp_path: Path) -> None:
    names = ["../../a/1.jpg", "/a/2.jpg", "a\\3.jpg", "b/" + "n" * 300 + ".jpg", "b/\u202egpj.jpg"]
    members = [(name, hostile.jpeg(number)) for number, name in enumerate(names)]
    junk = [("__MACOSX/a/._1.jpg", b"x"), ("a/.DS_Store", b"x"), ("Thumbs.db", b"x")]
    made = imported(hostile.zipped(tmp_path / "x.zip", [*members, *junk]))
    assert len(made.lines) == len(names)
    assert [line["label"] for line in made.lines] == ["a", "a", "a", "b", "b"]
    assert not made.problems
    inside = {str(path.relative_to(tmp_path)).split("/")[0] for path in tmp_path.rglob("*")}
    assert inside - {"storage"} == {"x.zip", "x.zip.job"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_twins_are_noted_and_kept(tmp_path: Path) -> None:
    same = hostile.jpeg(1)
    members = [("a/1.jpg", same), ("b/1.jpg", same), ("a/1.jpg", hostile.jpeg(2))]
    made = imported(hostile.zipped(tmp_path / "x.zip", members))
    assert len(made.lines) == 3
    assert "same picture as a/1.jpg, which has another class" in made.why("b/1.jpg")
    assert "this name twice" in made.why("a/1.jpg")


def test_voc_boxes_are_kept_and_entities_refused(tmp_path: Path) -> None:
    members = [
        ("v/JPEGImages/a.jpg", hostile.jpeg(1)),
        ("v/JPEGImages/b.jpg", hostile.jpeg(2)),
        ("v/Annotations/a.xml", hostile.VOC.encode()),
        ("v/Annotations/b.xml", hostile.LAUGHS.encode()),
        ("v/ImageSets/Main/val.txt", b"b\n"),
        ("v/ImageSets/Main/trainval.txt", b"a\nb\n"),
    ]
    made = imported(hostile.zipped(tmp_path / "x.zip", members))
    assert made.facts["layout"] == "voc"
    assert made.lines[0]["boxes"] == [
        {"label": "cell", "xmin": 1.0, "ymin": 2.0, "xmax": 30.0, "ymax": 20.0}
    ]
    assert made.lines[1]["split"] == "val"
    assert "entities" in made.why("v/Annotations/b.xml")
    assert made.facts["box_classes"] == [{"name": "cell", "count": 1}]


def test_a_tar_is_read_and_links_are_not_followed(tmp_path: Path) -> None:
    link, device = tarfile.TarInfo("a/link.jpg"), tarfile.TarInfo("a/fifo.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type = tarfile.FIFOTYPE
    members = [(tarfile.TarInfo(f"{label}/1.jpg"), hostile.jpeg(ord(label))) for label in "ab"]
    made = imported(hostile.tarred(tmp_path / "x.tgz", [(link, b""), (device, b""), *members]))
    assert [line["path"] for line in made.lines] == ["a/1.jpg", "b/1.jpg"]
    assert "a link or a device" in made.why("a/link.jpg")
    assert "a link or a device" in made.why("a/fifo.jpg")


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    path = hostile.zipped(tmp_path / "x.zip", [("a/1.jpg", hostile.jpeg())])
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("a/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(zipfile.ZipInfo("a/lzma.jpg"), hostile.jpeg(), zipfile.ZIP_LZMA)
    made = imported(path)
    assert "a link or a device" in made.why("a/link.jpg")
    assert "LZMA" in made.why("a/lzma.jpg")


def _locked(path: Path) -> Path:
    hostile.zipped(path, [("a.jpg", hostile.jpeg())])
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    return path


def _raw(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(path: Path) -> Path:
    whole = hostile.zipped(path, [(f"{n}.jpg", hostile.jpeg(n)) for n in range(9)]).read_bytes()
    return _raw(path, whole[: len(whole) // 2])


def _cut_tar(path: Path) -> Path:
    members = [(tarfile.TarInfo(f"{n}.jpg"), hostile.jpeg(n)) for n in range(9)]
    whole = hostile.tarred(path, members).read_bytes()
    return _raw(path, whole[: len(whole) // 2])


REFUSALS = {
    "empty file": (lambda path: _raw(path, b""), "The file is empty"),
    "empty zip": (lambda path: hostile.zipped(path, []), "holds no files"),
    "only text": (lambda path: hostile.zipped(path, [("a.txt", b"x")]), "no picture that can be"),
    "a jpeg": (lambda path: _raw(path, hostile.jpeg()), "JPEG content, not an archive"),
    "text": (lambda path: _raw(path, b"hello" * 99), "neither a zip nor a tar.gz"),
    "7z": (lambda path: _raw(path, b"7z\xbc\xaf\x27\x1c" + b"x" * 99), "7z archive"),
    "cut zip": (_cut, "cut off"),
    "cut tar": (_cut_tar, "damaged or cut off"),
    "gzip of text": (lambda path: _raw(path, b"\x1f\x8b\x08" + b"x" * 99), "damaged or cut off"),
    "password": (_locked, "password"),
    "overlap": (hostile.overlapping, "overlap"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_no_archive_of_pictures_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    make, says = REFUSALS[case]
    with pytest.raises(Refused, match=says) as refused:
        imported(make(tmp_path / "x.zip"))
    assert refused.value.code == "bad_data"


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    zeros = bytes(8 << 20)
    with pytest.raises(Refused, match="200 times its size"):
        imported(hostile.zipped(tmp_path / "x.zip", [("a.bmp", zeros)]))
    with pytest.raises(Refused, match="200 times its size"):
        imported(hostile.tarred(tmp_path / "x.tgz", [(tarfile.TarInfo("a.bmp"), zeros)]))
    monkeypatch.setattr(archives, "MEMBERS", 3)
    many = [(f"{number}.jpg", b"") for number in range(4)]
    with pytest.raises(Refused, match="more than 3 entries"):
        imported(hostile.zipped(tmp_path / "y.zip", many))
    monkeypatch.setattr(archives, "TOTAL", 1000)
    with pytest.raises(Refused, match="unpacks to more than"):
        imported(hostile.zipped(tmp_path / "z.zip", [("1.jpg", hostile.jpeg())]))


def test_a_member_that_is_too_large_is_left_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MEMBER", 10_000)
    members = [
        ("a/1.jpg", hostile.jpeg()),
        ("a/2.bmp", hostile.saved(hostile.noise((90, 90)), "BMP")),
    ]
    made = imported(hostile.zipped(tmp_path / "x.zip", members))
    assert [line["path"] for line in made.lines] == ["a/1.jpg"]
    assert "larger than" in made.why("a/2.bmp")


def harmful(data: bytes) -> pictures.Picture:
    """A decoder with three bugs."""
    if data == hostile.jpeg(2):
        ctypes.string_at(0)
    while data == hostile.jpeg(4):
        time.sleep(0.1)
    if data == hostile.jpeg(6):
        bytearray(1 << 40)
    return decode(data)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_decoder_that_dies_costs_one_picture(tmp_path: Path, kind: str) -> None:
    members = [(f"{'ab'[n % 2]}/{n}.jpg", hostile.jpeg(n)) for n in range(8)]
    if kind == "zip":
        path = hostile.zipped(tmp_path / "x.zip", members)
    else:
        path = hostile.tarred(
            tmp_path / "x.tgz", [(tarfile.TarInfo(name), data) for name, data in members]
        )
    made = imported(path, decoder=harmful, limits=Limits(silence=8.0))
    assert [line["path"][2] for line in made.lines] == ["0", "1", "3", "5", "7"]
    assert [line["number"] for line in made.lines] == [0, 1, 2, 3, 4]
    assert "SIGSEGV" in made.why("a/2.jpg")
    assert "no answer" in made.why("a/4.jpg")
    assert "memory" in made.why("a/6.jpg")
    for line in made.lines:
        assert pictures.open_rgb(made.folder / line["file"]).size == (60, 40)
