"""The switch of algorithms that Intel's extension of scikit-learn learns faster."""

from recipes.algorithms.algorithm import Resolved, Values
from recipes.params import Flag

SWITCH = Flag(
    name="intel",
    label="Intel's extension",
    default=False,
    advanced=True,
    help="Learns with the kernels of scikit-learn-intelex, on the CPU: faster on large tables, not "
    "on small ones. The model is scikit-learn's own; it differs within the solver's tolerance.",
)
ASKS = ("intel", True, "intel")  # the param, its value, and the extra that it needs


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """On a GPU there is nothing for it to do, and it is off; calling it again changes nothing."""
    if device == "cpu" or not params["intel"]:
        return Resolved(dict(params), dict(training), dict(augmentation), [])
    notes = ["Intel's extension is off: it computes on the CPU, and this training on a GPU."]
    return Resolved({**params, "intel": False}, dict(training), dict(augmentation), notes)
