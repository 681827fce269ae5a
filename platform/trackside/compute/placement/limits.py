"""How many GPUs a user's and a project's jobs may hold at once. Pure."""

from trackside.compute.placement.words import Allowance, Limits, Request
from trackside.ui.words import plural


class Ledger:
    """The quotas of one pass: what is placed counts from then on."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = {key: one.held for key, one in limits.items()}

    def sentence(self, request: Request) -> str:
        """Why a quota keeps the job from its GPUs; empty when none does."""
        if not request.gpus or not self._limits:
            return ""
        for key, allowance in self._of(request):
            if request.gpus > allowance.most:
                return (
                    f"Waits: it asks for {_gpus(request.gpus)}, and {allowance.who} may have "
                    f"{allowance.most or 'none'} at once. Choose fewer, or ask an administrator "
                    "for a larger quota."
                )
            held = self._held[key]
            if held + request.gpus > allowance.most:
                return (
                    f"Waits: {allowance.who} may have {_gpus(allowance.most)} at once and "
                    f"{held or 'none'} of them {'is' if held == 1 else 'are'} in use; "
                    f"this job needs {request.gpus}."
                )
        return ""

    def count(self, request: Request) -> None:
        for key, _ in self._of(request):
            self._held[key] += request.gpus

    def _of(self, request: Request) -> list[tuple[tuple[str, int | None], Allowance]]:
        keys = (("user", request.user), ("project", request.project))
        return [(key, self._limits[key]) for key in keys if key in self._limits]


def _gpus(number: int) -> str:
    return plural(number, "GPU") if number else "no GPUs"
