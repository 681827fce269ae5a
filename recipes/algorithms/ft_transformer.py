"""FT-Transformer: attention between the columns of a table, in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Resolved, Values
from recipes.algorithms.deep_training import FORMER as TRAINING
from recipes.algorithms.deep_training import training
from recipes.algorithms.former import today
from recipes.params import Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Whole(
            name="blocks",
            label="Blocks",
            default=2,
            search=search.Range(1, 4),
            minimum=1,
            maximum=50,
            help="How often the columns look at each other.",
            group="Architecture",
        ),
        Whole(
            name="width",
            label="Width of a token",
            default=64,
            search=search.Values((32, 64, 128, 192)),
            minimum=1,
            maximum=4096,
            help="Into how many numbers each column becomes. Wider takes longer.",
            group="Architecture",
        ),
        Whole(
            name="heads",
            label="Attention heads",
            default=8,
            minimum=1,
            maximum=256,
            help="In how many ways a column looks at the others; divides the width.",
            group="Architecture",
        ),
        Number(
            name="attention_dropout",
            label="Dropout of attention",
            default=0.1,
            search=search.Range(0, 0.4),
            minimum=0,
            maximum=0.95,
            step=0.05,
            help="The share of looks that is left out at random while it learns.",
            group="Architecture",
        ),
        Number(
            name="dropout",
            label="Dropout",
            default=0.1,
            search=search.Range(0, 0.4),
            minimum=0,
            maximum=0.95,
            step=0.05,
            help="The share of neurons that is left out at random while it learns.",
            group="Architecture",
        ),
        *training(rate=0.001, batch=256),
    )
)

FORMER = {
    **TRAINING,
    "n_blocks": "blocks",
    "n_layers": "blocks",
    "num_attn_blocks": "blocks",
    "d_token": "width",
    "input_embed_dim": "width",
    "n_heads": "heads",
    "num_heads": "heads",
    "attention_n_heads": "heads",
    "attn_dropout": "attention_dropout",
    "ffn_dropout": "dropout",
    "ff_dropout": "dropout",
}


def translate(given: Values) -> tuple[Values, list[str]]:
    return today(given, FORMER)


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """The heads share the width among them."""
    params, notes = dict(params), []
    width, heads = params["width"], params["heads"]
    if width % heads:
        params["width"] = -(-width // heads) * heads
        notes.append(
            f"The width of a token is {params['width']}, not {width}: its {heads} heads share it."
        )
    return Resolved(params, dict(training), dict(augmentation), notes)


def learner(setup: Setup) -> Learner:
    from recipes.learners.deep import ft_transformer

    return ft_transformer(setup)


ALGORITHM = Algorithm(
    name="ft_transformer",
    label="FT-Transformer",
    help="Each column becomes a token and looks at the others, as words do in a text, in PyTorch. "
    "Categories are embedded. Slow on a CPU; on a GPU or several.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    resolve=resolve,
    learner=learner,
    library="skorch",
    scales=True,
    ranks=True,
    on_gpu=True,
    spreads=True,
    goes_on=("blocks", "width", "heads"),
)
