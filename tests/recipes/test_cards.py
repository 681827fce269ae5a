"""Every card of every table keeps the promises that forms, REST and documentation are made from."""

import subprocess
import sys

import pytest

from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.algorithms.backbone_classifier import NEUTRAL
from recipes.algorithms.families import FAMILIES
from recipes.kinds import KINDS
from recipes.kinds.kind import Kind
from recipes.params import Choice, Params
from recipes.tasks import TASKS, Task

FORMS = {
    **{f"{name}.params": card.params for name, card in ALGORITHMS.items()},
    **{f"{name}.training": card.training for name, card in ALGORITHMS.items()},
    **{f"{name}.split": card.split for name, card in TASKS.items()},
    **{f"{name}.augmentation": card.augmentation for name, card in TASKS.items()},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_defaults_are_right_values(form: Params) -> None:
    assert form.clean({}) == form.defaults()
    assert form.clean(form.defaults()) == form.defaults()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_field_says_what_it_is_for(form: Params) -> None:
    for field in form.fields:
        assert field.label[0].isupper(), field.name
        assert field.help.endswith("."), field.name
        if isinstance(field, Choice):
            assert all(label and text.endswith(".") for _, label, text in field.options)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_conditions_name_another_field_and_values_it_can_have(form: Params) -> None:
    fields = {field.name: field for field in form.fields}
    for field in form.fields:
        if field.when is not None:
            name, values = field.when
            for value in values:
                assert fields[name].clean(value) == value


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_known_by_its_own_name(name: str) -> None:
    kind = KINDS[name]
    assert isinstance(kind, Kind)
    assert kind.name == name
    assert kind.label


@pytest.mark.parametrize("card", ALGORITHMS.values(), ids=ALGORITHMS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_resolved_design_is_right_and_stays_as_it_is(card: Algorithm, device: str) -> None:
    for name in card.tasks:
        augmentation = TASKS[name].augmentation.defaults()
        once = card.resolve(card.params.defaults(), card.training.defaults(), augmentation, device)
        assert card.params.clean(once.params) == once.params
        assert card.training.clean(once.training) == once.training
        assert TASKS[name].augmentation.clean(once.augmentation) == once.augmentation
        again = card.resolve(once.params, once.training, once.augmentation, device)
        assert again[:3] == once[:3]
        assert "auto" not in once.params.values()


@pytest.mark.parametrize("card", ALGORITHMS.values(), ids=ALGORITHMS)
def test_what_no_gpu_learns_says_why(card: Algorithm) -> None:
    pictures = card.learner is None
    assert bool(card.no_gpu) != (card.on_gpu or pictures)
    assert not card.no_gpu.endswith(".")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_and_its_algorithms_know_each_other(task: Task) -> None:
    assert task.default_metric in task.metrics
    assert all(task.name in ALGORITHMS[name].tasks for name in task.algorithms)
    assert all(metric.definition.endswith((".", "perfect.")) for metric in task.metrics.values())


def test_augmentation_can_be_switched_off_field_by_field() -> None:
    assert NEUTRAL.keys() == TASKS["image_classification"].augmentation.defaults().keys()


def test_a_cpu_trains_the_head_and_a_gpu_all_layers() -> None:
    card, task = ALGORITHMS["backbone_classifier"], TASKS["image_classification"]
    given = card.params.defaults(), card.training.defaults(), task.augmentation.defaults()
    cpu, gpu = card.resolve(*given, "cpu"), card.resolve(*given, "cuda")
    assert (cpu.params["retrained"], gpu.params["retrained"]) == ("head", "all")
    assert cpu.augmentation == NEUTRAL
    assert any("Augmentation is off" in note for note in cpu.notes)
    assert gpu.augmentation == task.augmentation.defaults()


def test_the_cards_load_without_torch() -> None:
    code = (
        "import sys, recipes.kinds, recipes.tasks, recipes.algorithms;"
        "sys.exit(' '.join({'torch', 'numpy', 'PIL', 'timm'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("card", ALGORITHMS.values(), ids=ALGORITHMS)
def test_algorithms_for_tables_stand_in_a_family(card: Algorithm) -> None:
    assert (card.family in FAMILIES) == (card.learner is not None)
