"""Explanations of models of tables: asked on pages and by REST, answered by a job, and shown."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.web import trained_tables
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.lab import charts_effects, explain_pages, whatif_form
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project

Json = dict[str, Any]
TASKS = ("two_class", "multiclass", "regression")


def place(model: TrainedModel, rest: str) -> str:
    return f"/p/{model.session.analysis.project.key}/trained-models/{model.pk}/{rest}"


def text(browser: Client, model: TrainedModel, rest: str, status: int = 200) -> str:
    answer = browser.get(place(model, rest))
    assert answer.status_code == status
    return str(answer.content.decode())


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def answered(job: Job, home: Path) -> Job:
    """What the node does: the job's folder, run, and its result published."""
    finished = trained_tables.ran(job, home)
    result = {k: v for k, v in finished.items() if k not in ("seq", "t", "type")}
    Job.objects.filter(pk=job.pk).update(state="succeeded", result=result)
    job.refresh_from_db()
    return job


def asked(browser: Client, model: TrainedModel, what: str, **form: Any) -> Job:
    answer = browser.post(place(model, f"explain/{what}/"), form)
    assert answer.status_code == 302, words(answer.content.decode())[-600:]
    number = re.search(r"job=(\d+)", answer["Location"])
    assert number is not None, answer["Location"]
    return Job.objects.get(pk=number[1])


@pytest.mark.parametrize("task", TASKS)
def test_effects_and_rows_of_interest_are_drawn(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_cleo: Client
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    effects = text(as_cleo, model, "effects/")
    assert effects.count("<circle") > 100
    assert "Exact Shapley values" in effects
    assert "Contribution by" in effects or "Mean contribution by" in effects
    assert "By SHAP" in text(as_cleo, model, "importance/?by=shap")
    single = words(text(as_cleo, model, "individual/"))
    assert "The worst" in single
    assert ("The least certain" in single) == (task != "regression")
    assert "None" not in single


@pytest.mark.parametrize("task", TASKS)
def test_a_question_waits_is_answered_and_stays_at_its_address(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_ada: Client, tmp_path: Path
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    column = {"two_class": "age", "multiclass": "color", "regression": "payment"}[task]
    questions = (
        ("row", {"row": "3"}, "individual", "Row 3"),
        ("groups", {"column": column}, "subpopulations", "All judged rows"),
        ("whatif", {}, "whatif", "Predicted "),
    )
    for what, form, tab, says in questions:
        job = asked(as_ada, model, what, **form)
        waiting = text(as_ada, model, f"{tab}/?job={job.pk}")
        assert f'data-waits="{job.pk}"' in waiting
        answered(job, tmp_path / what)
        page = text(as_ada, model, f"{tab}/?job={job.pk}")
        assert "data-waits" not in page
        assert says in words(page)
        assert "None" not in words(page)
        learned_too = "has learned from the validation rows too" in words(page)
        assert learned_too == (what == "row")  # the deployed model: it was learned again


def test_a_made_up_row_comes_back_with_its_values_and_hints_fill_the_form(
    two: TrainedModel, as_ada: Client, tmp_path: Path
) -> None:
    form = text(as_ada, two, "whatif/?row=1")
    names = dict(re.findall(r'<label class="clip" for="(c\d+)" title="([^"]+)"', form))
    ids = {name: one for one, name in names.items()}
    assert re.search(rf'id="{ids["age"]}"[^>]*value="22"', form)
    given = {ids["age"]: "40", ids["sex"]: "male", "fixed": [ids["who"], ids["adult_male"]]}
    job = asked(as_ada, two, "whatif", **given)
    assert job.spec["row"]["age"] == 40.0
    assert sorted(job.spec["fixed"]) == ["adult_male", "who"]
    answered(job, tmp_path / "job")
    page = text(as_ada, two, f"whatif/?job={job.pk}")
    assert re.search(rf'id="{ids["age"]}"[^>]*value="40"', page)
    assert "Beyond what the model learned from" not in page
    hints = [one for part in job.result["hints"] for one in part["found"]]
    assert page.count("Fill in</a>") == len(hints) > 0
    change = next(one for one in hints[0]["changes"])
    filled = text(as_ada, two, f"whatif/?job={job.pk}&hint=0")
    field = re.search(rf'id="{ids[change["name"]]}".*?</div>', filled, re.S)
    assert field is not None
    assert whatif_form._text(change["to"]) in field[0]


def test_columns_beyond_the_form_come_from_the_row_that_it_began_with(
    two: TrainedModel, as_ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whatif_form, "FIRST", 1)
    monkeypatch.setattr(whatif_form, "MOST", 3)
    form = text(as_ada, two, "whatif/?row=2")
    assert len(re.findall(r'class="f wi', form)) == 3
    assert "10 more columns" in words(form)
    job = asked(as_ada, two, "whatif", from_row="2")
    second = trained_tables.tabling.real("titanic").slice(1, 1).to_pylist()[0]
    assert job.spec["row"] == {name: second[name] for name in job.spec["row"]}
    again = asked(as_ada, two, "whatif", from_job=str(job.pk), from_row="9")
    assert again.spec["row"] == job.spec["row"]


WRONG: dict[str, tuple[str, str, str]] = {
    "a word for a number": ("age", "old", "takes a number, not"),
    "half a person": ("sibsp", "0.5", "takes whole numbers"),
    "not a number": ("fare", "inf", "takes a number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_brings_the_form_back_with_a_sentence(
    case: str, two: TrainedModel, as_ada: Client
) -> None:
    name, value, sentence = WRONG[case]
    form = text(as_ada, two, "whatif/")
    found = re.search(rf'for="(c\d+)" title="{name}"', form)
    assert found is not None
    before = Job.objects.count()
    answer = as_ada.post(place(two, "explain/whatif/"), {found[1]: value})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in words(page).replace("&#x27;", "'")
    assert f'value="{value}"' in page
    assert Job.objects.count() == before


def test_what_cannot_be_asked_is_a_sentence(two: TrainedModel, as_ada: Client) -> None:
    for what, form, sentence in (
        ("row", {"row": "none"}, "is no row"),
        ("groups", {"column": "nothing"}, "no column"),
    ):
        answer = as_ada.post(place(two, f"explain/{what}/"), form, follow=True)
        assert sentence in words(answer.content.decode())
    two.session.analysis.dataset.fingerprint = "changed"
    two.session.analysis.dataset.save()
    answer = as_ada.post(place(two, "explain/row/"), {"row": "1"}, follow=True)
    assert "has been changed since the model was trained" in words(answer.content.decode())


def test_a_model_without_what_its_columns_held_says_so(
    two: TrainedModel, as_ada: Client, settings: Any
) -> None:
    (Path(settings.TRACKSIDE_STORAGE) / two.bundle / "seen.json").unlink()
    assert "Train it again" in words(text(as_ada, two, "whatif/"))


def test_readers_see_answers_and_ask_nothing(
    two: TrainedModel, as_ada: Client, as_cleo: Client, tmp_path: Path
) -> None:
    job = answered(asked(as_ada, two, "row", row="5"), tmp_path / "job")
    assert "Row 5" in words(text(as_cleo, two, f"individual/?job={job.pk}"))
    for what in ("row", "groups", "whatif"):
        assert as_cleo.post(place(two, f"explain/{what}/"), {}).status_code in (403, 404)
    for tab in ("individual", "subpopulations", "whatif"):
        assert "An editor of the project can" in words(text(as_cleo, two, f"{tab}/"))


def test_an_answer_about_another_model_is_not_shown(
    two: TrainedModel, learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    job = asked(as_ada, two, "row", row="5")
    other = trained_tables.placed(project, ada, learned["regression"])
    assert "data-waits" not in text(as_ada, other, f"individual/?job={job.pk}")
    assert "data-waits" not in text(as_ada, two, f"whatif/?job={job.pk}")
    assert text(as_ada, two, "individual/?job=99999999", status=404)
    assert "data-waits" not in text(as_ada, two, f"individual/?job={LONG}")


def test_a_predicted_row_is_explained_by_a_post_alone(
    two: TrainedModel, as_ada: Client, as_cleo: Client
) -> None:
    """A job that a page asks for by itself could be asked for by any link to that page."""
    page = text(as_ada, two, "predictions/")
    (action,) = re.findall(r'<form id="explain" method="post" action="([^"]+)"', page)
    row = re.findall(r'form="explain" name="row" value="(\d+)"', page)[0]
    assert action == place(two, "explain/row/")
    assert asked(as_ada, two, "row", row=row).spec["numbers"] == [int(row) - 1]
    assert 'form="explain"' not in text(as_cleo, two, "predictions/")
    assert "data-asked" not in text(as_ada, two, f"individual/?row={row}")


LONG = "9" * 5_000  # Python makes no number of so many digits


def calls(model: TrainedModel) -> str:
    return f"/projects/{model.session.analysis.project.key}/trained-models/{model.pk}/explain"


def test_rest_asks_and_reads(two: TrainedModel, ada: User, tmp_path: Path) -> None:
    rest, url = Rest(ada), calls(two)
    bodies = ({"numbers": [0, 4]}, {"column": "sex"}, {"row": {"age": 3}, "number": 1})
    for step, body in enumerate(bodies):
        answer = rest.call("POST", url, body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["answer"] is None
        job = answered(Job.objects.get(pk=answer.json()["job"]), tmp_path / str(step))
        (told,) = rest.call("GET", f"{url}?job={job.pk}").json()["explanations"]
        assert (told["state"], told["over"]) == ("succeeded", True)
        assert told["answer"]["items"]
    assert told["answer"]["row"]["age"] == 3.0
    assert told["answer"]["row"]["sex"] == "female"  # of row 1
    every = rest.call("GET", url).json()["explanations"]
    assert [one["ask"] for one in every] == ["whatif", "subpopulations", "rows"]
    assert rest.call("GET", f"{url}?job=99999").json() == {"explanations": []}
    for wrong in ("x", LONG):
        assert rest.call("GET", f"{url}?job={wrong}").status_code == 422


REFUSED: dict[str, tuple[Json, int, str]] = {
    "nothing": ({}, 422, "exactly one"),
    "two questions": ({"numbers": [1], "column": "age"}, 422, "exactly one"),
    "no rows": ({"numbers": []}, 409, "at least one row"),
    "a column of nobody": ({"row": {"colour": 1}}, 422, "no column 'colour'"),
    "a wrong value": ({"row": {"age": "old"}}, 422, "takes a number"),
    "a hold of nobody": ({"row": {}, "fixed": ["colour"]}, 422, "no column 'colour' to hold"),
    "toward nothing": ({"row": {}, "toward": "maybe"}, 422, "It may be one of 0, 1"),
    "a row beyond": ({"row": {}, "number": 10**9}, 409, "has no row"),
    "another word": ({"rows": [1]}, 422, ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rest_refuses_with_a_sentence(case: str, two: TrainedModel, ada: User) -> None:
    body, status, sentence = REFUSED[case]
    answer = Rest(ada).call("POST", calls(two), body)
    assert answer.status_code == status, answer.content
    assert sentence in answer.json()["error"]["message"]


def test_tones_go_from_low_to_high_and_words_have_none() -> None:
    assert charts_effects.shades([3, 1, None, 2], "numeric") == ["v4", "v0", "vx", "v1"]
    assert charts_effects.shades([False, True], "boolean") == ["v0", "v4"]
    assert charts_effects.shades([5, 5], "numeric") == ["v0", "v0"]
    assert charts_effects.shades(["a", "b"], "category") == ["vx", "vx"]


def test_the_worst_rows_are_wrong_ones_and_a_perfect_model_has_none() -> None:
    def told(proba: float) -> dict[str, Any]:
        rest = {"columns": [], "others": {"count": 0}, "base": None, "total": None}
        probas = {"n": 1 - proba, "y": proba}
        rows = [{"number": 1, "prediction": "y", "true": "y", "probas": probas, **rest}]
        return {"scale": "value", "groups": [{"why": why, "rows": rows} for why in PICKED]}

    titles = [one["title"] for one in explain_pages.picked_out(told(0.99), 0.5)]
    assert titles == ["The most certain"]
    (worst, _) = explain_pages.picked_out(told(0.4), 0.5)
    assert (worst["title"], worst["rows"][0]["right"]) == ("The worst", False)


PICKED = ("worst", "most_certain")
