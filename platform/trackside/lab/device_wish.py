"""Where a model's settings want it to learn, and the compute of a training that names none."""

from typing import Any

from recipes.algorithms import ALGORITHMS, former
from trackside.compute.requests import BadCompute, Compute, clean
from trackside.lab.labels import algorithm_label
from trackside.lab.trouble import BadDesign

Json = dict[str, Any]
ONE: Compute = {"kind": "any", "count": 1}
CPU: Compute = {"kind": "cpu"}
WORDS = {"cpu": "the CPU", "any": "GPUs that are free", "gpus": "the GPUs that it names"}


def named(value: Any, where: str) -> str:
    """A model's own `device`: cpu, cuda, or "" for none. Raises BadDesign."""
    found = former.device({"device": value})
    if value and not found:
        raise BadDesign({f"{where}.device": f"'device' must be cpu or cuda, not {value!r}."})
    return found


def compute(models: list[Json], held: Compute | None) -> Compute:
    """The compute that is `held`; without one that of the models' own wishes, else the CPU.

    Raises BadCompute where they ask for a GPU and there is none.
    """
    if held:
        return held
    asking = next((one for one in models if one.get("device") == "cuda"), None)
    if asking is None:
        return dict(CPU)
    who = algorithm_label(asking["algorithm"])
    alone = [one["algorithm"] for one in models if ALGORITHMS[one["algorithm"]].no_gpu]
    if alone:
        other = algorithm_label(alone[0])
        said = (
            f"The settings of {who} ask for a GPU, and {other} learns on the CPU alone. Give the "
        )
        said += "compute, or train them apart."
        raise BadCompute("compute", said, "cpu_only")
    try:
        clean(ONE)
    except BadCompute as none:
        said = f"The settings of {who} ask for a GPU, and no machine has one that works. To train "
        said += "on the CPU give the compute {'kind': 'cpu'}; of client.train that is 'device': "
        said += "'cpu'."
        raise BadCompute("compute", said, none.code) from None
    return dict(ONE)


def noted(design: Json, asking: list[Json], held: Compute | None, used: Compute) -> Json:
    """The design, whose models of `asking` say what became of the device that they asked for."""
    models = [
        {**one, "notes": [*one.get("notes", []), _became(one["device"], held, used)]}
        if one.get("device") and one in asking
        else one
        for one in design["models"]
    ]
    return {**design, "models": models}


def _became(device: str, held: Compute | None, used: Compute) -> str:
    asked = "the CPU" if device == "cpu" else "a GPU"
    if held:
        holds = WORDS[str(held.get("kind", "cpu"))]
        if (held.get("kind", "cpu") == "cpu") == (device == "cpu"):
            return f"The settings ask for {asked}; the compute that is given is {holds}."
        return f"The settings ask for {asked}; the compute that is given holds: {holds}."
    if used["kind"] == "cpu":
        return "No compute is given: it learns on the CPU, as the settings ask."
    why = "as the settings ask" if device == "cuda" else "as the settings of another model ask"
    return f"No compute is given: one GPU is asked for, {why}. The platform chooses which."
