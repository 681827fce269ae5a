"""A pretrained image network with a new head: transfer learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms.algorithm import Algorithm, Resolved, Values
from recipes.params import Choice, Flag, FromCatalogue, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.nets.classifier import Net, Plan

# What each augmentation is when it changes nothing.
NEUTRAL = {
    "horizontal_flip": False,
    "vertical_flip": False,
    "rotation": 0,
    "crop": 1,
    "brightness": 0,
    "contrast": 0,
    "saturation": 0,
    "erase": 0,
}

PARAMS = Params(
    (
        FromCatalogue(
            name="backbone",
            label="Backbone",
            default="efficientnet_lite0",
            list="backbones",
            help="The network that turns a picture into features. Larger ones are more accurate "
            "and slower.",
        ),
        Flag(
            name="pretrained",
            label="Pretrained on ImageNet",
            default=True,
            help="Starts from weights that already know 1,000 kinds of things. From scratch "
            "needs far "
            "more pictures and time.",
        ),
        Choice(
            name="retrained",
            label="Retrained layers",
            default="auto",
            shape="radio",
            when=("pretrained", (True,)),
            help="Which layers learn from your pictures.",
            options=(
                ("auto", "Automatic", "The head on a CPU, all layers on a GPU."),
                (
                    "head",
                    "Head only",
                    "Minutes on a CPU: features of the frozen backbone are computed once.",
                ),
                ("last", "Head and last stage", "Between the two."),
                (
                    "all",
                    "All layers",
                    "The most accurate with enough pictures; 20 to 50 times slower.",
                ),
            ),
        ),
        Whole(
            name="image_size",
            label="Image size",
            default=0,
            minimum=0,
            maximum=1024,
            unit="px, 0 = automatic",
            help="Side of the square that the network sees. Automatic takes the backbone's own "
            "size, "
            "and a smaller one for small pictures. Time and memory grow with its square.",
        ),
        Number(
            name="dropout",
            label="Dropout before the head",
            default=0.2,
            minimum=0,
            maximum=0.9,
            step=0.05,
            advanced=True,
            help="The share of features that is left out at random in each training step.",
        ),
    )
)

TRAINING = Params(
    (
        Whole(
            name="epochs",
            label="Epochs",
            default=20,
            minimum=1,
            maximum=1000,
            group="Duration",
            help="How often the model sees each training picture, at most.",
        ),
        Flag(
            name="early_stopping",
            label="Early stopping",
            default=True,
            group="Duration",
            help="Ends when the metric has not improved for a while. The best weights are kept "
            "in any case.",
        ),
        Whole(
            name="patience",
            label="Patience",
            default=8,
            minimum=1,
            maximum=1000,
            unit="epochs",
            group="Duration",
            when=("early_stopping", (True,)),
            help="How many epochs without an improvement end the training.",
        ),
        Number(
            name="min_delta",
            label="Smallest improvement",
            default=0.0,
            minimum=0,
            maximum=1,
            step=0.001,
            group="Duration",
            advanced=True,
            when=("early_stopping", (True,)),
            help="A smaller change of the metric does not count as an improvement.",
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            default=32,
            minimum=1,
            maximum=4096,
            unit="pictures per device",
            group="Optimisation",
            help="Pictures in one step on each device. With 4 GPUs a step sees 4 times as many.",
        ),
        Choice(
            name="optimizer",
            label="Optimizer",
            default="adamw",
            group="Optimisation",
            help="How a step follows from the gradients.",
            options=(
                ("adamw", "AdamW", "A good first choice."),
                ("adam", "Adam", "AdamW without decoupled weight decay."),
                (
                    "sgd",
                    "SGD with momentum",
                    "Momentum 0.9, Nesterov; usually wants a learning rate 10 times higher.",
                ),
                ("rmsprop", "RMSprop", "As the EfficientNet papers use it."),
            ),
        ),
        Number(
            name="learning_rate",
            label="Learning rate",
            default=0.001,
            minimum=1e-7,
            maximum=10,
            group="Optimisation",
            help="The highest step width, that of the head.",
        ),
        Number(
            name="backbone_rate",
            label="Learning rate of the backbone",
            default=0.1,
            minimum=0.001,
            maximum=1,
            group="Optimisation",
            advanced=True,
            unit="x that of the head",
            help="Pretrained layers need smaller steps. Ignored when the head alone learns or "
            "nothing is "
            "pretrained.",
        ),
        Number(
            name="weight_decay",
            label="Weight decay",
            default=0.01,
            minimum=0,
            maximum=1,
            group="Optimisation",
            advanced=True,
            help="Pulls weights towards zero, against overfitting.",
        ),
        Choice(
            name="schedule",
            label="Schedule",
            default="cosine",
            group="Learning rate over time",
            help="How the learning rate goes on after the warm-up.",
            options=(
                ("cosine", "Cosine", "Falls smoothly to zero at the last epoch."),
                ("step", "Steps", "Falls by a factor every few epochs."),
                ("constant", "Constant", "Stays as it is."),
            ),
        ),
        Whole(
            name="step_epochs",
            label="Epochs per step",
            default=7,
            minimum=1,
            maximum=1000,
            group="Learning rate over time",
            when=("schedule", ("step",)),
            help="After this many epochs the learning rate falls.",
        ),
        Number(
            name="step_factor",
            label="Factor",
            default=0.1,
            minimum=0.001,
            maximum=1,
            group="Learning rate over time",
            when=("schedule", ("step",)),
            help="What the learning rate is multiplied by at each step.",
        ),
        Number(
            name="warmup_epochs",
            label="Warm-up",
            default=1,
            minimum=0,
            maximum=100,
            step=0.5,
            unit="epochs",
            group="Learning rate over time",
            help="The learning rate rises from zero during the first epochs.",
        ),
        Number(
            name="label_smoothing",
            label="Label smoothing",
            default=0.0,
            minimum=0,
            maximum=0.5,
            step=0.01,
            group="Loss",
            help="Trains towards slightly less than full certainty, against overconfidence.",
        ),
        Flag(
            name="balance_classes",
            label="Balance the classes",
            default=False,
            group="Loss",
            help="A rare class counts as much as a frequent one. Try it with the metric F1 or "
            "recall.",
        ),
    )
)


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """Decide what `auto` means on this device; calling it again changes nothing."""
    params, augmentation, notes = dict(params), dict(augmentation), []
    if not params["pretrained"] and params["retrained"] != "all":
        params["retrained"] = "all"
        notes.append("All layers are trained: nothing is pretrained.")
    if params["retrained"] == "auto":
        params["retrained"] = "all" if device == "cuda" else "head"
        if device != "cuda":
            notes.append("Only the head is trained, the backbone stays: a CPU is enough for that.")
            if augmentation != NEUTRAL:
                augmentation = dict(NEUTRAL)
                notes.append("Augmentation is off: the head is trained on features computed once.")
    elif params["retrained"] == "head" and augmentation != NEUTRAL:
        notes.append(
            "Augmentation is on, so the frozen backbone runs in every epoch; "
            "without it the head is trained in seconds."
        )
    return Resolved(params, dict(training), augmentation, notes)


def build(plan: Plan) -> Net:
    from recipes.nets.classifier import build as build_net

    return build_net(plan)


ALGORITHM = Algorithm(
    name="backbone_classifier",
    label="Backbone with a new head",
    help="Transfer learning: an image network trained on ImageNet gets a new head for your "
    "classes.",
    unit="epoch",
    tasks=("image_classification",),
    params=PARAMS,
    training=TRAINING,
    resolve=resolve,
    build=build,
    goes_on=("backbone", "pretrained"),
)
