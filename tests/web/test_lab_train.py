"""The click on Train: what the dialog says, what it starts, and what it never starts twice."""

import json
import re
from typing import Any

import pytest

from tests.web import lab_stage
from trackside.accounts.models import AuditEntry
from trackside.jobs.models import Job
from trackside.lab import queries, services
from trackside.lab.models import Analysis, Session, TrainedModel

pytestmark = pytest.mark.django_db
CPU = {"kind": "cpu", "ranks": 2}
ALONE = {"X-Fragment": "1"}  # as js/pages/train.js asks


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    return lab_stage.analysis(project, ada)


def url(analysis: Analysis, rest: str = "train/") -> str:
    return f"/p/INSECTS/lab/{analysis.name}/{rest}"


def text(answer: Any) -> str:
    html = re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_spec_is_the_same_to_the_last_byte(analysis: Analysis) -> None:
    first = services.freeze(analysis, analysis.design["models"][0])
    again = services.freeze(Analysis.objects.get(pk=analysis.pk), analysis.design["models"][0])
    assert json.dumps(first) == json.dumps(again)
    assert set(first) == {
        "task", "algorithm", "params", "training", "augmentation", "split", "metric", "dataset",
        "target", "notes",
    }  # fmt: skip
    assert first["dataset"]["folder"].startswith("/")
    assert first["params"]["retrained"] == "head"


def test_a_gpu_trains_all_layers_and_a_simulated_one_the_head(analysis: Analysis) -> None:
    lab_stage.node("real", 1)
    lab_stage.node("toy", 1, simulated=True)
    for name, depth in (("real", "all"), ("toy", "head")):
        asked = queries.with_compute(analysis, {"kind": "gpus", "uuids": [f"GPU-{name}-0"]})
        spec = services.freeze(asked, analysis.design["models"][0])
        assert spec["params"]["retrained"] == depth


def test_a_double_click_is_one_session(analysis: Analysis, ada: Any) -> None:
    first = services.train(analysis, ada, CPU, "", "click-1")
    again = services.train(analysis, ada, CPU, "", "click-1")
    assert first == again
    assert (Session.objects.count(), Job.objects.count(), TrainedModel.objects.count()) == (1, 1, 1)
    other = services.train(analysis, ada, CPU, "named", "click-2")
    assert (other.number, other.name) == (2, "named")


def test_each_chosen_model_becomes_a_job(analysis: Analysis, ada: Any) -> None:
    one = analysis.design["models"][0]
    other = {**one, "params": {**one["params"], "backbone": "resnet50"}}
    services.save_design(analysis, "models", [one, other, {**other, "on": False}])
    assert services.train(analysis, ada, CPU).models.count() == 2
    assert services.train(analysis, ada, CPU, models=[1]).models.count() == 1
    with pytest.raises(services.BadDesign, match="There is no model 9"):
        services.train(analysis, ada, CPU, models=[9])


def test_the_dialog_lists_what_is_switched_on(analysis: Analysis, as_ada: Any) -> None:
    one = analysis.design["models"][0]
    services.save_design(analysis, "models", [one, one, {**one, "on": False}])
    both = as_ada.post(url(analysis, "train/plan/"), {"mode": "cpu", "model": "1"}).content
    assert both.count(b'name="model"') == 2, "what a click leaves out can be ticked again"
    assert b"1 model of the design is switched off" in both


def test_nothing_is_half_made_when_the_compute_is_wrong(analysis: Analysis, ada: Any) -> None:
    with pytest.raises(Exception, match="There is no GPU GPU-none"):
        services.train(analysis, ada, {"kind": "gpus", "uuids": ["GPU-none"]})
    assert not Session.objects.exists()


def test_without_a_gpu_the_dialog_says_why_and_offers_the_cpu(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.no_gpu()
    said = text(as_ada.get(url(analysis), headers=ALONE))
    assert "No GPU found on any machine" in said
    assert "no NVIDIA device on the PCI bus" in said
    assert "Add one." in said
    assert "Train 1 model on the CPU" in said
    assert "Augmentation is off" in said


def test_a_simulated_fleet_is_labelled_and_the_first_gpu_chosen(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("toy", 4, simulated=True)
    answer = as_ada.get(url(analysis), headers=ALONE)
    assert answer.content.count(b'name="gpu"') == 4
    assert b'value="GPU-toy-0" checked' in answer.content
    said = text(answer)
    assert "Simulated" in said
    assert "Train 1 model on 1 GPU" in said
    assert "Fits" in said


def test_the_dialogs_address_leads_to_the_analysis_with_the_dialog_open(
    analysis: Analysis, as_ada: Any
) -> None:
    answer = as_ada.get(url(analysis))
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/p/INSECTS/lab/insect%20sorter/#train",
    )
    assert (
        b'data-train="/p/INSECTS/lab/insect%20sorter/train/"'
        in as_ada.get(url(analysis, "")).content
    )


def test_an_analysis_and_a_training_are_in_the_audit_log(
    analysis: Analysis, ada: Any, as_ada: Any
) -> None:
    as_ada.post(url(analysis), {"mode": "cpu", "model": "0", "session_name": "first"})
    rows = AuditEntry.objects.filter(user=ada).order_by("id").values_list("act", "about")
    assert list(rows)[-2:] == [
        ("analysis made", "INSECTS/insect sorter"),
        ("training begun", "INSECTS/insect sorter/first"),
    ]


def test_memory_that_is_still_measured_is_said_and_asked_for_again(
    analysis: Analysis, as_ada: Any
) -> None:
    node = lab_stage.node("toy", 1, simulated=True)
    node.catalogue = {}
    node.save()
    answer = as_ada.get(url(analysis), headers=ALONE)
    assert b"data-measuring" in answer.content
    assert "still measuring its backbones; about a minute after the first start" in text(answer)
    on_cpu = as_ada.post(url(analysis, "train/plan/"), {"mode": "cpu", "model": "0"})
    assert b"data-measuring" not in on_cpu.content


def test_several_gpus_multiply_the_batch(analysis: Analysis, as_ada: Any) -> None:
    lab_stage.node("gpu-01", 4)
    wish = {"mode": "pick", "gpu": ["GPU-gpu-01-0", "GPU-gpu-01-1"], "model": "0", "batch-0": "16"}
    said = text(as_ada.post(url(analysis, "train/plan/"), {**wish, "scale": "on"}))
    assert "16 per GPU \u00d7 2 = 32 images per update" in said
    assert "0.001 → 0.002" in said
    assert "Train 1 model on 2 GPUs" in said


def test_gpus_of_two_nodes_train_together_and_the_plan_names_the_ranks(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("one", 2)
    lab_stage.node("two", 1)
    wish = {"mode": "pick", "gpu": ["GPU-one-0", "GPU-two-0", "GPU-one-1"], "model": "0"}
    said = text(as_ada.post(url(analysis, "train/plan/"), wish))
    assert "Across 2 nodes: one with 2 ranks, two with 1 rank." in said
    assert "Train 1 model on 3 GPUs" in said
    assert as_ada.post(url(analysis), wish).status_code == 201
    attempt = Job.objects.get().attempts.get()
    assert (attempt.compute["world"], attempt.compute["nodes"]) == (3, 2)
    assert attempt.followers.get().compute["ranks"] == 1


def test_a_gpu_that_is_too_small_offers_a_smaller_batch(analysis: Analysis, as_ada: Any) -> None:
    gpu = lab_stage.node("small", 1).gpus.get()
    gpu.memory_total, gpu.memory_used = 4 * lab_stage.GIB, 0
    gpu.save()
    wish = {"mode": "pick", "gpu": gpu.uuid, "model": "0", "batch-0": "512"}
    answer = as_ada.post(url(analysis, "train/plan/"), wish)
    assert "Does not fit" in text(answer)
    assert b'data-batch="' in answer.content
    assert as_ada.post(url(analysis), wish).status_code == 409
    assert not Session.objects.exists()


def test_a_busy_gpu_queues_and_names_its_holder(
    analysis: Analysis, project: Any, ben: Any, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", 1)
    lab_stage.hold("GPU-gpu-01-0", project, ben)
    wish = {"mode": "pick", "gpu": "GPU-gpu-01-0", "model": "0", "click_id": "c1"}
    said = text(as_ada.post(url(analysis, "train/plan/"), wish))
    assert "is held by Ben" in said
    assert "Queue 1 model on 1 GPU" in said
    answer = as_ada.post(url(analysis), wish)
    assert answer.status_code == 201
    assert TrainedModel.objects.get().job.state == "queued"  # type: ignore[union-attr]


def test_a_lost_race_keeps_the_dialog_open_with_a_sentence(
    analysis: Analysis, project: Any, ben: Any, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", 2)
    lab_stage.hold("GPU-gpu-01-0", project, ben)
    wish = {"mode": "pick", "gpu": "GPU-gpu-01-0", "model": "0", "seen_free": "GPU-gpu-01-0"}
    answer = as_ada.post(url(analysis), wish)
    assert answer.status_code == 409
    assert "Ben took GPU 0 on gpu-01 a moment ago. GPU 1 on gpu-01 is free." in text(answer)
    assert not Session.objects.exists()


def test_the_click_answers_where_to_go_and_a_double_click_the_same(
    analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", 1)
    wish = {"mode": "cpu", "ranks": "2", "model": "0", "click_id": "c1", "session_name": "first"}
    answers = [as_ada.post(url(analysis), wish) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert as_ada.get(answers[0].json()["location"]).status_code == 200
    assert Job.objects.get().state == "starting"
    assert Job.objects.get().compute["ranks"] == 2


def test_what_the_dialog_changes_goes_into_the_spec(analysis: Analysis, as_ada: Any) -> None:
    lab_stage.node("gpu-01", 2)
    wish = {
        "mode": "pick",
        "gpu": ["GPU-gpu-01-0", "GPU-gpu-01-1"],
        "model": "0",
        "batch-0": "8",
        "scale": "on",
        "precision": "bf16",
    }
    assert as_ada.post(url(analysis), wish).status_code == 201
    job = Job.objects.get()
    assert job.spec["training"]["batch_size"] == 8
    assert job.spec["training"]["learning_rate"] == 0.002
    assert job.compute["precision"] == "bf16"
    analysis.refresh_from_db()
    assert analysis.design["training"]["batch_size"] == 32


def test_full_fine_tuning_on_a_cpu_says_what_it_costs(analysis: Analysis, as_ada: Any) -> None:
    lab_stage.no_gpu()
    one = analysis.design["models"][0]
    services.save_design(
        analysis, "models", [{**one, "params": {**one["params"], "retrained": "all"}}]
    )
    assert "20 to 50 times slower" in text(as_ada.get(url(analysis), headers=ALONE))


def test_a_dataset_that_is_not_ready_cannot_be_trained(analysis: Analysis, as_ada: Any) -> None:
    analysis.dataset.state = "importing"
    analysis.dataset.save()
    assert "cannot be used yet" in text(as_ada.get(url(analysis), headers=ALONE))
    assert as_ada.post(url(analysis), {"mode": "cpu", "model": "0"}).status_code == 409
    assert not Session.objects.exists()


def test_rest_reads_what_fits_and_the_best_model_first(analysis: Analysis, ada: Any) -> None:
    lab_stage.node("gpu-01", 1)
    found = queries.fit(analysis, {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}, ada)
    assert found["gpus"][0]["verdict"] == "fits"
    assert found["start"]["seconds"] == 0
    session = services.train(analysis, ada, CPU)
    lab_stage.trained(session)
    assert queries.session_models(session)[0].metrics["accuracy"] == 0.932
