"""How a rank ended, as a cause and as a sentence. `end` is its exit code, or minus its signal."""

import signal

from recipes import processes


def cause(end: int, *, memory: bool) -> str:
    """In the words of the table of retries. `memory`: the system killed for want of it."""
    if end == -signal.SIGKILL:
        return "out_of_memory" if memory else "rank_killed"
    return "program" if end > 0 else "rank_killed" if end == -signal.SIGTERM else "rank_crashed"


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
