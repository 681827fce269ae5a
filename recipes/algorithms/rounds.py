"""What learns in rounds: how many, when it ends, what is minimised. Of boosted trees a round is a
tree, of networks an epoch."""

from recipes import search
from recipes.params import Choice, Flag, Number, Param, Whole

NO_MORE = "Ends when the loss on the validation rows has not improved for a while"
MOST = 100_000  # rounds
LONGEST = 10_000  # rounds without an improvement


def trees(
    *, most: int, patience: int, rate: float, group: str = "Trees", back: bool = True
) -> tuple[Param, ...]:
    """With these defaults; `back`: the model goes back to its best tree."""
    return (
        Whole(
            name="rounds",
            label="Maximum number of trees",
            default=most,
            minimum=1,
            maximum=MOST,
            group=group,
            help="How many trees are added at most. Early stopping usually ends sooner.",
        ),
        Flag(
            name="early_stopping",
            label="Early stopping",
            default=True,
            group=group,
            help=f"{NO_MORE}, and keeps the trees up to the best one." if back else f"{NO_MORE}.",
        ),
        _patience(patience, "trees", group),
        Number(
            name="learning_rate",
            label="Learning rate",
            default=rate,
            search=search.Range(0.02, 0.2, log=True),
            minimum=0.0001,
            maximum=1,
            group=group,
            help="How much of each tree's correction is taken. Smaller rates need more trees and "
            "generalise better.",
        ),
    )


def epochs(*, most: int, patience: int) -> tuple[Param, ...]:
    """With these defaults, of a network that goes back to its best weights."""
    return (
        Whole(
            name="rounds",
            label="Maximum epochs",
            default=most,
            minimum=1,
            maximum=MOST,
            group="Training",
            help="How often the network sees each training row, at most.",
        ),
        Flag(
            name="early_stopping",
            label="Early stopping",
            default=True,
            group="Training",
            help=f"{NO_MORE}, and keeps the weights of the best epoch.",
        ),
        _patience(patience, "epochs", "Training"),
    )


def _patience(rounds: int, called: str, group: str) -> Param:
    return Whole(
        name="patience",
        label="Early stopping rounds",
        default=rounds,
        minimum=1,
        maximum=LONGEST,
        unit=called,
        group=group,
        when=("early_stopping", (True,)),
        help=f"How many {called} without an improvement end the training.",
    )


def loss(group: str) -> Param:
    """Of a regression."""
    return Choice(
        name="loss",
        label="Loss of a regression",
        default="squared",
        group=group,
        tasks=("regression",),
        help="What is minimised when a number is predicted.",
        options=(
            ("squared", "Squared error", "Aims at the mean."),
            ("absolute", "Absolute error", "Aims at the median; outliers count less."),
        ),
    )
