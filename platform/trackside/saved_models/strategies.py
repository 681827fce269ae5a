"""Which version a rule makes the active one, as PostgresML's users know the rules."""

from recipes.tasks import TASKS
from trackside.saved_models import lineage, services
from trackside.saved_models.models import SavedModel, Version
from trackside.saved_models.queries import versions_of

STRATEGIES = ("most_recent", "best_score", "rollback")


def chosen(saved_model: SavedModel, strategy: str) -> Version:
    """The version that the rule means.

    most_recent: the newest; best_score: the best by the active version's metric, the newer of two
    that are equal, of those that had not learned from what judged them; rollback: the one that
    was active before. Raises Refused where there is none.
    """
    versions = list(versions_of(saved_model))
    if not versions:
        raise services.Refused(f"{saved_model.name} has no version yet.")
    if strategy == "most_recent":
        return versions[0]
    if strategy == "best_score":
        return _best(saved_model, versions)
    before = sorted(
        (one for one in versions if one.activated_at and not one.active),
        key=lambda one: one.activated_at.timestamp() if one.activated_at else 0,
    )
    if not before:
        said = "only one of its versions has ever been active, so there is none to go back to"
        raise services.Refused(f"{saved_model.name} cannot be rolled back: {said}.")
    return before[-1]


def _best(saved_model: SavedModel, versions: list[Version]) -> Version:
    active = next((one for one in versions if one.active), versions[0])
    name = active.metric
    card = TASKS[saved_model.task].metrics.get(name) if saved_model.task in TASKS else None
    sign = 1 if card is None or card.higher_is_better else -1
    scores = {one.pk: one.metrics.get(name) for one in versions}
    known = [one for one in versions if isinstance(scores[one.pk], int | float)]
    if not known:
        raise services.Refused(f"No version of {saved_model.name} has the metric {name}.")
    known = [one for one in known if not lineage.too_good(one.facts)]
    if not known:
        raise services.Refused(
            f"No version of {saved_model.name} has a score to go by: each went on from another and "
            "may have learned from the rows that judged it. Evaluate them on new data and activate "
            "the best one by its number."
        )
    return max(known, key=lambda one: sign * float(scores[one.pk] or 0))
