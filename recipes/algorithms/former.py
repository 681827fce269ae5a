"""Settings under the names of other tools, or of former versions, as those of today."""

from recipes.params import Value

Values = dict[str, Value]

COMPUTE = "the job's compute says where it learns"
THREADS = "the threads are those that the job is given"
SEED = "the seed is the one in Runtime"
QUIET = "what a training tells is always in its log"
IDLE = {  # names that say what the platform decides
    **dict.fromkeys(
        ("device", "device_type", "gpu_id", "gpu_device_id", "gpu_platform_id", "num_gpu"), COMPUTE
    ),
    **dict.fromkeys(("n_gpus", "gpu_use_dp", "predictor", "task_type", "devices"), COMPUTE),
    **dict.fromkeys(("n_jobs", "nthread", "num_threads", "nthreads", "thread_count"), THREADS),
    **dict.fromkeys(("random_state", "random_seed", "seed"), SEED),
    **dict.fromkeys(("verbose", "verbosity", "silent", "verbose_eval", "logging_level"), QUIET),
}
SAID = {"cpu": "the CPU", "cuda": "a GPU"}
DEVICES = {"cpu": "cpu", "cuda": "cuda", "gpu": "cuda"}
NAMING = ("device", "device_type", "task_type")  # the settings whose value is a device


def today(given: Values, names: dict[str, str]) -> tuple[Values, list[str]]:
    """The settings under today's `names`, without those that the platform decides, and notes.

    Of a setting that stands there under both names the one that comes later is used.
    """
    made: Values = {}
    notes: list[str] = []
    patient = False
    order = {name: place for place, name in enumerate(given)}
    wins = device(given)
    for name, value in given.items():
        now = names.get(name, "")
        if name in IDLE:
            notes.append(_idle(name, value, wins))
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


def device(given: Values) -> str:
    """Where these settings want a model to learn: cpu or cuda; "" where they say nothing of it.

    A device that is named wins over what only one device could do.
    """
    for name in NAMING:
        if found := _named(given.get(name)):
            return found
    on_gpu = (
        str(given.get("tree_method")).startswith("gpu_")
        or given.get("predictor") == "gpu_predictor"
        or str(given.get("gpu_id")).isdecimal()  # -1 was none
    )
    return "cuda" if on_gpu else ""


def of_device(note: str) -> bool:
    """Whether a note of these settings says where they want a model to learn."""
    return "asks for a GPU" in note or "asks for the CPU" in note


def _named(value: Value) -> str:
    """cpu or cuda as other libraries write them, such as GPU and cuda:0."""
    kind, _, number = str(value).strip().lower().partition(":")
    return DEVICES.get(kind, "") if not number or number.isdecimal() else ""


def _idle(name: str, value: Value, wins: str) -> str:
    """A name that says what the platform decides, and what becomes of it; `wins`: the device that
    all of them together ask for."""
    asked = device({name: value})
    if asked and asked != wins:
        return f"'{name}: {value}' is not used: another setting names {SAID[wins]}."
    if asked == "cpu":
        return f"'{name}: {value}' asks for the CPU."
    if asked:
        numbered = name == "gpu_id" or ":" in str(value)
        return f"'{name}: {value}' asks for a GPU{': its number is not used' if numbered else ''}."
    return f"'{name}: {value}' is not used: {IDLE[name]}."


def one_width(value: Value) -> tuple[int, int] | None:
    """How many layers a list of widths has, and their width; None where it says no such thing."""
    if not isinstance(value, list | tuple) or not value:
        return None
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    return (len(value), value[0]) if whole and len(set(value)) == 1 else None
