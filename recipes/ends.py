"""How a rank ended, as a cause and as a sentence. `end` is its exit code, or minus its signal."""

import re
import signal

from recipes import processes

# What NCCL calls the trouble of machines; its other errors are wrong calls of the program.
_NCCL = re.compile(r"nccl(?:UnhandledCuda|System|Internal|Remote)Error[^\n]*")
_LAST = re.compile(r"Last error:\s*([^\n]+)")
_PLACE = re.compile(r"^\[\S+:\d+\] *")  # in a library's own code
# Of gloo, which has no class of errors for it.
_CUT = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting")


def cause(end: int, *, memory: bool) -> str:
    """In the words of the table of retries. `memory`: the system killed for want of it."""
    if end == -signal.SIGKILL:
        return "out_of_memory" if memory else "rank_killed"
    return "program" if end > 0 else "rank_killed" if end == -signal.SIGTERM else "rank_crashed"


def apart(error: BaseException) -> tuple[str, str] | None:
    """The code and the sentence where the ranks lost each other; None for any other error."""
    text = str(error).strip() or type(error).__name__
    if "ncclInvalid" in text or not _between_ranks(error, text):
        return None
    nccl, last = _NCCL.search(text), _LAST.search(text)
    if nccl and "out of memory" in text:
        return "cuda_out_of_memory", (
            "A GPU has no memory left for what the ranks say to each other (NCCL). "
            "Choose a smaller batch size or image size."
        )
    said = _PLACE.sub("", text).splitlines()[0].partition(". ")[0]
    if nccl:
        said = f"{nccl[0]} {last[1]}" if last else nccl[0]
    return "ranks_apart", (
        f"The ranks of this job lost each other ({said.strip().rstrip('.')}). Either one ended "
        "without a word, most often because memory ran out (a smaller batch size needs less), "
        "or a GPU or the network failed."
    )


def _between_ranks(error: BaseException, text: str) -> bool:
    """By the name of its class: torch is not here in every job."""
    if any(one.__name__ == "DistError" for one in type(error).__mro__):
        return True
    cut = any(one in text for one in ("NCCL error", *_CUT)) or _NCCL.search(text)
    return bool(cut) and not isinstance(error, OSError)


def sentence(who: str, end: int, *, memory: bool, last: str) -> str:
    """`last` is the last line that it printed."""
    if end >= 0:
        return f"{who} ended with exit code {end}" + (f": {last}" if last else ".")
    if -end == signal.SIGKILL and memory:
        limit = processes.memory_limit()
        room = f": all of its {limit >> 20} MB were used" if limit else ""
        return (
            f"{who} was killed by the system because memory ran out (signal 9, SIGKILL){room}. "
            "A smaller batch size or fewer ranks need less."
        )
    name = signal.Signals(-end).name if -end in set(signal.Signals) else "unknown"
    verb = "was killed by" if -end in (signal.SIGKILL, signal.SIGTERM) else "crashed with"
    return f"{who} {verb} signal {-end} ({name})."
