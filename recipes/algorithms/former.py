"""Settings under the names of other tools, or of former versions, as those of today."""

from recipes.params import Value

Values = dict[str, Value]

DEVICE = "the device is the one that the job is given in the Train dialog"
THREADS = "the threads are those that the job is given"
SEED = "the seed is the one in Runtime"
QUIET = "what a training tells is always in its log"
IDLE = {  # names that say what the platform decides
    **dict.fromkeys(
        ("device", "device_type", "gpu_id", "gpu_device_id", "gpu_platform_id", "num_gpu"), DEVICE
    ),
    **dict.fromkeys(("n_gpus", "gpu_use_dp", "predictor", "task_type", "devices"), DEVICE),
    **dict.fromkeys(("n_jobs", "nthread", "num_threads", "nthreads", "thread_count"), THREADS),
    **dict.fromkeys(("random_state", "random_seed", "seed"), SEED),
    **dict.fromkeys(("verbose", "verbosity", "silent", "verbose_eval", "logging_level"), QUIET),
}


def today(given: Values, names: dict[str, str]) -> tuple[Values, list[str]]:
    """The settings under today's `names`, without those that the platform decides, and notes.

    Of a setting that stands there under both names the one that comes later is used.
    """
    made: Values = {}
    notes: list[str] = []
    patient = False
    order = {name: place for place, name in enumerate(given)}
    for name, value in given.items():
        now = names.get(name, "")
        if name in IDLE:
            notes.append(f"'{name}: {value}' is not used: {IDLE[name]}.")
        elif now and order.get(now, -1) > order[name]:
            notes.append(f"{name!r} is left out: {now!r} says the same thing.")
        elif now:
            made[now] = value
            patient |= now == "patience"
            instead = f", and is used instead of {given[now]}" if now in given else ""
            notes.append(f"{name!r} is called {now!r} here{instead}.")
        else:
            made[name] = value
    if patient:
        made.setdefault("early_stopping", True)
    return made, notes


def one_width(value: Value) -> tuple[int, int] | None:
    """How many layers a list of widths has, and their width; None where it says no such thing."""
    if not isinstance(value, list | tuple) or not value:
        return None
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    return (len(value), value[0]) if whole and len(set(value)) == 1 else None
