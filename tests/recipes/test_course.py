"""How far a training is, over all its fits."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.engine.tabular import course as courses
from recipes.engine.tabular.course import Course

FITS = st.lists(st.lists(st.floats(0.01, 1.0), max_size=4), max_size=8)


@given(FITS, st.integers(0, 12))
def test_it_never_runs_backwards_whatever_fits_end_early_or_are_left_out(
    fits: list[list[float]], trials: int
) -> None:
    course, told = Course(2.0), [0.0]
    course.begin(trials, made=0, seconds=0.0)
    for place, parts in enumerate(fits):
        course.reach(min(place, trials))
        for part in parts:
            share, left = course.told(part)
            assert left is not None
            assert left >= 0
            told.append(share)
        course.passed(1.0)
    course.reach(trials)
    told.append(course.told(1.0)[0])
    assert told == sorted(told)
    assert told[-1] <= 1


def test_a_search_leaves_room_for_the_final_model() -> None:
    course = Course(2.0)
    course.begin(8, made=0, seconds=0.0)
    course.reach(7)
    assert course.told(1.0)[0] == 0.8
    course.reach(8)
    assert course.told(0.5)[0] == 0.85


def test_what_is_left_is_told_by_the_fits_that_were_really_made() -> None:
    course = Course(2.0)
    course.begin(100, made=2, seconds=20.0)  # ten seconds a fit, before a pause
    course.reach(100)  # the search's time is over after two of a hundred
    share, left = course.told(1.0)
    assert share == round(101 / 102, 4)
    assert left is not None
    assert 6 < left < 8  # a fit more, of those that took a third of 20 s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that it says, to be set."""
    now = [0.0]
    monkeypatch.setattr(courses, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_the_report_has_the_part_of_the_way_that_it_takes_of_the_time(clock: list[float]) -> None:
    course = Course(2.0, after=20.0, _began=0.0)
    clock[0] = 5.0
    assert course.told(0.5) == (0.125, 35.0)  # of 40 s: two fits of ten, and the report
    clock[0] = 10.0
    assert course.told(1.0) == (0.25, 30.0)
    course.passed(1.0)
    course.after = 60.0  # the model predicts more slowly than was guessed
    clock[0] = 20.0
    assert course.told(1.0) == (0.25, 60.0)
    assert course.explained(0.0, 60.0) == (0.25, 60.0)
    assert course.explained(30.0, 30.0) == (0.625, 30.0)
    assert course.explained(30.0, 60.0) == (0.625, 60.0)  # it never runs backwards
    assert course.explained(60.0, 0.0) == (1.0, 0.0)
