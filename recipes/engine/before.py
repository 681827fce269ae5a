"""The model that a training goes on from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from recipes import bundle, going_on
from recipes.events import Journal
from recipes.job import BadJob
from recipes.nets.backbones import ImageInput
from recipes.tasks import table_split

Json = dict[str, Any]
FAIR = "A dataset that it has not seen judges it fairly: evaluate it on one."


@dataclass(frozen=True)
class Before:
    """Its bundle, which is whole, and what model.json says."""

    bundle: Path
    about: Json
    version: int | None

    @property
    def name(self) -> str:
        return f"version {self.version}" if self.version else "the model that was there"

    @property
    def rounds(self) -> int:
        """How many trees or epochs it has, with those of what it went on from itself."""
        return sum(one["rounds"] for one in going_on.lineage(self.about, self.version))

    @property
    def seen(self) -> ImageInput:
        """How a model of pictures sees them."""
        return bundle.seen_by(self.about)


class Design(Protocol):
    """What both kinds of design have."""

    @property
    def goes_on_from(self) -> Before | None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def split(self) -> Json: ...


def stands_on(design: Design) -> Json:
    """What model.json and the facts of a model say of those that it goes on from: `lineage`, and
    `too_good` where its figures say more than they should."""
    kept = design.goes_on_from
    if kept is None:
        return {}
    made: Json = {"lineage": going_on.lineage(kept.about, kept.version)}
    time = getattr(design, "time", "")  # pictures have none
    if sentence := too_good(kept, fingerprint=design.fingerprint, split=design.split, time=time):
        made["too_good"] = sentence
    return made


def tell_grown(journal: Journal, design: Design, own: int | None, **more: Any) -> None:
    """The last progress of a training that went on: what it added, and to what."""
    kept = design.goes_on_from
    if kept is not None and own is not None:
        unit = going_on.lineage(kept.about, kept.version)[-1]["unit"]
        journal.write("progress", done=own, of=own, unit=unit, eta=None, before=kept.rounds, **more)


def named(spec: Json) -> Before | None:
    """The one that the spec goes on from. Raises BadBundle."""
    wanted = spec.get("goes_on_from")
    if not wanted:
        return None
    place = Path(wanted["bundle"])
    return Before(place, bundle.read_model(place), wanted.get("version"))


def of_pictures(spec: Json) -> Before | None:
    """The same of a spec that is complete. Raises BadBundle, BadJob."""
    found = named(spec)
    if found is not None and (sentence := going_on.of_pictures(found.about, spec)):
        raise BadJob(sentence)
    return found


def notes(
    before: Before, *, keeps: str, fingerprint: str, split: Json, time: str = ""
) -> list[str]:
    """What the reader of the new figures should know. `keeps`: what of it stays as it was."""
    told = [f"The training goes on from {before.name}, and keeps {keeps}."]
    if sentence := too_good(before, fingerprint=fingerprint, split=split, time=time):
        told.append(f"{sentence} Where they end it early, it comes late.")
    return told


def too_good(before: Before, *, fingerprint: str, split: Json, time: str = "") -> str:
    """Why the figures of a training that goes on from it say too much; "" where they do not: the
    same split of the same data, and it has not learned from the part that judges. `time` is the
    column that orders the rows of a table."""
    about, table = before.about, "columns" in before.about
    data = "rows" if table else "pictures"
    if "split" not in about:
        return (
            f"The figures may be too good: {before.name} does not say how its {data} were split, "
            f"and may have learned from those that judge now. {FAIR}"
        )
    then, now = (table_split.settings(one) for one in (about["split"], split))
    if (about.get("fingerprint"), then, _ordered(about)) != (fingerprint, now, time):
        return (
            f"The figures may be too good: the data or the split are others than those of "
            f"{before.name}, which may have learned from {data} that judge now. {FAIR}"
        )
    if not about.get("refit") and not about.get("too_good"):
        return ""
    how = "so had what it went on from itself"
    if about.get("refit"):
        how = "the final model of it learned from the validation rows too"
    tested = " Those of the test rows are not." if table and _tested(split) else f" {FAIR}"
    return (
        f"The figures of the validation {data} are too good: {before.name} had learned from them "
        f"before ({how}).{tested}"
    )


def _ordered(about: Json) -> str:
    """The column that ordered its rows."""
    handled = about.get("features") or {}
    return next((name for name, one in handled.items() if one["role"] == "time"), "")


def _tested(split: Json) -> bool:
    return split.get("policy") in ("random", "time") and table_split.shares(split)[2] > 0
