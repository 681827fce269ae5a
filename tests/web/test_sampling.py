"""Rows to learn from, in the platform: form, figures before the training, REST, spec, results."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recipes import tabling
from tests.web import table_stage, trained_tables
from tests.web.test_client import client, shell
from tests.web.test_lab_tables import CPU, HOME, adults
from tests.web.test_second_dataset import HERE, JSON, words
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client
from trackside.client.command import main
from trackside.client.training import sampled, train
from trackside.jobs.models import Job
from trackside.lab import document_data, estimates, services
from trackside.lab import sampling as lab_sampling
from trackside.lab.comparison import same_rows, same_test
from trackside.lab.entrants import of_model
from trackside.lab.models import Analysis
from trackside.lab.pages import diagnose
from trackside.projects.models import Project

__all__ = ["client", "shell"]
pytestmark = pytest.mark.django_db
SOME = {"sampling": "random", "sample_rows": 40}


@pytest.fixture
def analysis(project: Project, ada: User) -> Analysis:
    people = table_stage.uploaded(project, ada, "people", adults())
    return services.create_analysis(project, ada, "earners", people, "income")


def titles(analysis: Analysis) -> dict[str, str]:
    return {one.title: one.text for one in diagnose(analysis)}


def test_the_form_says_which_rows_and_how_many_each_part_has(
    analysis: Analysis, as_ada: Any
) -> None:
    page = as_ada.get(f"{HOME}design/split/").content.decode()
    assert "Train 48 the model" in words(page)
    assert "To learn from" not in words(page)
    assert 'value="latest" id="id_sampling_5" disabled' in page, "no column is the time"
    assert 'value="stratified" id="id_sampling_2" disabled' not in page
    sent = {**analysis.design["split"], **SOME, "stratify": "on"}
    wrong = as_ada.post(f"{HOME}design/split/", {**sent, "sample_rows": "4"}, headers=JSON)
    assert "must lie between 5 and" in wrong.json()["errors"]["sample_rows"]
    assert as_ada.post(f"{HOME}design/split/", sent, headers=JSON).status_code == 200
    page = words(as_ada.get(f"{HOME}design/split/").content.decode())
    assert "To learn from 40 of 60 in the table, drawn at random" in page
    assert "Train 32 the model" in page
    assert "Validation 8 stop" in page
    analysis.refresh_from_db()
    told = titles(analysis)["The models learn from some of the rows"]
    assert told.startswith("40 of 60 rows, drawn at random")
    dialog = as_ada.get(f"{HOME}train/", headers={"X-Fragment": "1"}).content.decode()
    assert "40 of 60 rows, drawn at random" in words(dialog)
    services.save_design(analysis, "split", {"sample_rows": 100})
    assert "no more than the 100" in titles(analysis)["All rows are used"]


def test_rows_that_cannot_be_chosen_are_refused_before_a_job(
    analysis: Analysis, project: Project, ada: User
) -> None:
    services.save_design(analysis, "split", {"sampling": "latest"})
    assert (
        "no column has the role Time" in titles(analysis)["The rows to learn from cannot be chosen"]
    )
    with pytest.raises(services.Refused, match="no column has the role Time"):
        services.train(analysis, ada, CPU)
    services.save_design(analysis, "features", {"age": {"role": "time"}})
    assert services.freeze(analysis, analysis.design["models"][0])["split"]["sampling"] == "latest"
    values = services.create_analysis(project, ada, "values", analysis.dataset, "pay")
    with pytest.raises(services.BadDesign, match="no classes to balance"):
        services.save_design(values, "split", {"sampling": "balanced"})
    with pytest.raises(services.BadDesign, match="no classes to keep the shares of"):
        services.save_design(values, "split", {"sampling": "stratified"})
    barred = set(lab_sampling.barred(values)["sampling"])
    assert barred == {"stratified", "balanced", "latest"}


def test_rest_changes_it_for_the_design_or_for_one_session(analysis: Analysis, ada: User) -> None:
    rest = Rest(ada)
    body = {"compute": CPU, "split": SOME}
    begun = rest.call("POST", f"{HERE}/train", body)
    assert begun.status_code == 201, begun.content
    split = Job.objects.get(pk=begun.json()["jobs"][0]).spec["split"]
    assert {name: split[name] for name in SOME} == SOME
    assert rest.call("GET", HERE).json()["split"]["sampling"] == "all", "of that session alone"
    refused = rest.call("PATCH", HERE, {"split": {"sampling": "some"}})
    assert refused.json()["error"]["field"] == "split.sampling"
    assert "must be one of all, random" in refused.json()["error"]["message"]
    assert rest.call("PATCH", HERE, {"split": SOME}).json()["split"]["sample_rows"] == 40
    fits = rest.call("POST", f"{HERE}/fit", {"compute": {"kind": "cpu"}})
    assert fits.json()["rows"] == {"train": 32, "val": 8}


def test_client_and_command_say_it_in_two_words(
    analysis: Analysis, client: Client, shell: Client
) -> None:
    assert sampled(None) == {}
    assert sampled(None, "all") == {"sampling": "all"}
    train("INSECTS", "people", "income", client=client, wait=False, sample=30, sampling="balanced")
    split = Job.objects.latest("pk").spec["split"]
    assert (split["sampling"], split["sample_rows"]) == ("balanced", 30)
    ways = ["--sample", "20", "--sampling", "stratified"]
    assert main(["train", "INSECTS", "earners", "--cpu", *ways]) == 0
    split = Job.objects.latest("pk").spec["split"]
    assert (split["sampling"], split["sample_rows"]) == ("stratified", 20)
    assert main(["train", "INSECTS", "earners", "--cpu", "--sample", "40"]) == 0
    split = Job.objects.latest("pk").spec["split"]
    assert {name: split[name] for name in SOME} == SOME


def test_what_was_measured_before_holds_while_all_rows_are_taken(analysis: Analysis) -> None:
    """A design of before there were samples says nothing of them."""
    model = analysis.design["models"][0]
    now = estimates.need(analysis, model).key
    old = {k: v for k, v in analysis.design["split"].items() if not k.startswith("sampl")}
    analysis.design = {**analysis.design, "split": old}
    assert estimates.need(analysis, model).key == now
    analysis.design = {**analysis.design, "split": {**old, **SOME}}
    assert estimates.need(analysis, model).key != now


def test_results_document_and_comparison_say_of_which_rows_they_are(
    project: Project, ada: User, as_ada: Any, tmp_path: Path
) -> None:
    spec = {**tabling.QUICK, "split": SOME}
    folder = tabling.train(tmp_path, tabling.small(), spec=spec)
    model = trained_tables.placed(project, ada, folder)
    page = words(as_ada.get(f"/p/INSECTS/trained-models/{model.pk}/").content.decode())
    assert "they are 40 of 60 rows, drawn at random" in page
    one = of_model(model)
    (block,) = document_data.split(one)
    assert ["Drawn from", "40 of 60 rows, drawn at random"] in block["rows"]
    assert ["Rows to learn from", "Random rows"] in block["rows"]
    told = {**one.told, "split": {**one.told["split"], "sampling": "all"}, "judged": None}
    plain = replace(one, told=told)
    before = {k: v for k, v in told["split"].items() if not k.startswith("sampl")}
    old = replace(one, told={**told, "split": before})
    assert same_rows([plain, old], plain, {})["same"], "all rows, said or not"
    assert same_test([plain, old])
    assert same_rows([one, plain], one, {})["same"] is False
