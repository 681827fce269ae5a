"""Folders become classes and splits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.layout import PATH, Annotation, arrange, is_junk, parts_of, shown


def places(*names: str) -> tuple[str, list[tuple[str, str]]]:
    layout = arrange([parts_of(name) for name in names])
    return layout.name, [(place.split, place.label) for place in layout.places]


@pytest.mark.parametrize(
    ("names", "layout", "found"),
    [
        (["ants/1.jpg", "bees/1.jpg"], "class_folders", [("", "ants"), ("", "bees")]),
        (["pets/cat/1.jpg", "pets/dog/1.jpg"], "class_folders", [("", "cat"), ("", "dog")]),
        (
            ["train/a/1.jpg", "valid/b/1.jpg", "test/a/2.jpg"],
            "split_class_folders",
            [("train", "a"), ("val", "b"), ("test", "a")],
        ),
        (
            ["x/Training/a/1.jpg", "x/Validation/a/deep/er/2.jpg"],
            "split_class_folders",
            [("train", "a"), ("val", "a")],
        ),
        (["train/a/1.jpg"], "split_class_folders", [("train", "a")]),
        (["1.jpg", "2.jpg"], "flat", [("", ""), ("", "")]),
        (["photos/1.jpg", "photos/2.jpg"], "flat", [("", ""), ("", "")]),
        (["train/1.jpg", "test/2.jpg"], "flat", [("train", ""), ("test", "")]),
        (["test/1.jpg", "real/1.jpg"], "class_folders", [("", "test"), ("", "real")]),
        (["a\\1.jpg", "b\\1.jpg"], "class_folders", [("", "a"), ("", "b")]),
        (["a/1.jpg", "b/1.jpg", "1.jpg"], "class_folders", [("", "a"), ("", "b"), ("", "")]),
    ],
)
def test_layouts(names: list[str], layout: str, found: list[tuple[str, str]]) -> None:
    assert places(*names) == (layout, found)


def test_remarks_name_what_training_will_miss() -> None:
    names = ["train/a/1", "train/a/2", "val/b/1", "val/b/2", "val/A/1", "stray.jpg"]
    remarks = arrange([parts_of(name) for name in names]).remarks
    assert ("", "1 picture lies outside of the class folders and so has no class.") in remarks
    assert ("A and a", "These classes differ only in upper and lower case.") in remarks
    assert any(where == "b" and "no picture under train" in what for where, what in remarks)
    assert any(where == "A" and "one picture only" in what for where, what in remarks)


def test_voc_finds_boxes_beside_the_picture_or_by_its_name() -> None:
    box = {"label": "cell", "xmin": 1.0, "ymin": 1.0, "xmax": 2.0, "ymax": 2.0}
    pictures = [("v", "JPEGImages", "a.jpg"), ("train", "b.jpg"), ("valid", "b.jpg"), ("c.jpg",)]
    annotations = [
        Annotation(parts=("v", "Annotations", "a.xml"), filename="a.jpg", boxes=(box,)),
        Annotation(parts=("train", "b.xml"), filename="b.jpg", boxes=(box, box)),
        Annotation(parts=("valid", "b.xml"), filename="b.jpg", boxes=()),
    ]
    layout = arrange(pictures, annotations, {"a": "test"})
    assert layout.name == "voc"
    assert [len(one.boxes) if one.boxes is not None else None for one in layout.places] == [
        *(1, 2, 0, None)
    ]
    assert [one.split for one in layout.places] == ["test", "train", "val", ""]
    assert layout.remarks == [("", "1 picture has no Pascal VOC annotation.")]


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "/etc/passwd", "..\\..\\x", "a/./../b", "\0\0", "C:\\CON", "", "///"),
        *("a\u202egpj.exe", "x" * 300, "\udcff\udcfe.jpg", "a\nb", "\ufeff"),
    ],
)
def test_a_hostile_name_is_only_a_label(name: str) -> None:
    parts = parts_of(name)
    assert not {"", ".", ".."} & set(parts)
    assert shown(parts).encode()
    assert not {"\0", "\n", "\u202e", "\ufeff"} & set(shown(parts))


@given(st.text(max_size=800))
def test_any_name_is_clean_once_and_stays_so(name: str) -> None:
    parts = parts_of(name)
    assert parts_of("/".join(parts)) == parts
    assert 0 < len(shown(parts)) <= PATH


@given(st.lists(st.lists(st.sampled_from(["train", "val", "a", "B", "b"]), min_size=1, max_size=5)))
def test_every_picture_has_a_place(paths: list[list[str]]) -> None:
    pictures = [tuple(path) for path in paths]
    layout = arrange(pictures)
    assert len(layout.places) == len(pictures)
    assert all(place.split in ("", "train", "val", "test") for place in layout.places)


def test_two_spellings_of_one_letter_are_one_class() -> None:
    _, found = places("caf\u00e9/1.jpg", "cafe\u0301/2.jpg", "tea/1.jpg")
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "name", ["__MACOSX/a/._1.jpg", "a/.DS_Store", "Thumbs.db", "a/._1.jpg", "desktop.ini"]
)
def test_what_systems_leave_is_junk(name: str) -> None:
    assert is_junk(parts_of(name))
    assert not is_junk(parts_of("a/1.jpg"))
