"""Image classification: one class for each picture."""

from recipes.params import Choice, Flag, Number, Params, Whole
from recipes.tasks.task import Metric, Task

RANDOM = ("policy", ("random",))

SPLIT = Params(
    (
        Choice(
            name="policy",
            label="Split",
            default="folders",
            shape="radio",
            help="Which pictures train the model and which ones judge it.",
            options=(
                (
                    "folders",
                    "As the dataset says",
                    "Uses the folders train, val and test. A part that is missing is drawn at "
                    "random.",
                ),
                (
                    "random",
                    "At random",
                    "Draws the parts anew, each class in the same proportion.",
                ),
            ),
        ),
        Number(
            name="train_share",
            label="Train share",
            default=0.8,
            minimum=0.1,
            maximum=0.95,
            step=0.05,
            help="Pictures that the model learns from.",
            when=RANDOM,
        ),
        Number(
            name="validation_share",
            label="Validation share",
            default=0.2,
            minimum=0.05,
            maximum=0.9,
            step=0.05,
            help="Pictures that choose the best epoch and give the model's score. What train and "
            "validation leave over becomes a test set that nothing is chosen by.",
        ),
        Whole(
            name="seed",
            label="Split seed",
            default=1337,
            minimum=0,
            maximum=2**31 - 1,
            help="The same seed draws the same pictures, so that models can be compared.",
            advanced=True,
        ),
    )
)

AUGMENTATION = Params(
    (
        Flag(
            name="horizontal_flip",
            label="Flip left and right",
            default=True,
            group="Geometry",
            help="Mirrors half of the pictures. Switch it off where left and right differ, as in "
            "text.",
        ),
        Flag(
            name="vertical_flip",
            label="Flip upside down",
            default=False,
            group="Geometry",
            help="For pictures without an up and a down: microscopy, satellites.",
        ),
        Number(
            name="rotation",
            label="Rotation",
            default=0,
            minimum=0,
            maximum=180,
            step=1,
            unit="° at most",
            group="Geometry",
            help="Turns each picture by a random angle, either way.",
        ),
        Number(
            name="crop",
            label="Smallest crop",
            default=0.5,
            minimum=0.05,
            maximum=1,
            step=0.05,
            unit="of the area",
            group="Geometry",
            help="Each picture is a random crop of at least this share of its area. 1 does not "
            "crop.",
        ),
        Number(
            name="brightness",
            label="Brightness",
            default=0.1,
            minimum=0,
            maximum=0.9,
            step=0.05,
            unit="±",
            group="Colour",
            help="Makes pictures darker or lighter, at random.",
        ),
        Number(
            name="contrast",
            label="Contrast",
            default=0.1,
            minimum=0,
            maximum=0.9,
            step=0.05,
            unit="±",
            group="Colour",
            help="Makes pictures flatter or harder, at random.",
        ),
        Number(
            name="saturation",
            label="Saturation",
            default=0.1,
            minimum=0,
            maximum=0.9,
            step=0.05,
            unit="±",
            group="Colour",
            help="Makes colours paler or stronger, at random.",
        ),
        Number(
            name="erase",
            label="Random erasing",
            default=0,
            minimum=0,
            maximum=1,
            step=0.05,
            unit="of the pictures",
            group="Occlusion",
            help="Greys out a random rectangle, so that the model does not rely on one spot.",
        ),
    )
)

METRICS = {
    one.name: one
    for one in (
        Metric(
            name="accuracy",
            label="Accuracy",
            percent=True,
            definition="The share of pictures whose predicted class is the true one.",
        ),
        Metric(
            name="f1",
            label="F1 score (macro)",
            definition="The harmonic mean of precision and recall of each class, averaged over the "
            "classes that occur, each counting the same.",
        ),
        Metric(
            name="precision",
            label="Precision (macro)",
            definition="Of the pictures predicted as a class, the share that belongs to it; "
            "averaged "
            "over the classes that occur. A class that is never predicted counts as 0.",
        ),
        Metric(
            name="recall",
            label="Recall (macro)",
            definition="Of the pictures that belong to a class, the share that is found; "
            "averaged over "
            "the classes that occur. Also called balanced accuracy.",
        ),
        Metric(
            name="roc_auc",
            label="ROC AUC",
            definition="The chance that a picture of a class gets a higher probability for it "
            "than one "
            "of the others, averaged over the classes. 0.5 is guessing, 1 is perfect.",
        ),
        Metric(
            name="average_precision",
            label="Average precision",
            definition="The area under the precision-recall curve of each class, averaged over the "
            "classes. It says more than ROC AUC where a class is rare.",
        ),
        Metric(
            name="log_loss",
            label="Log loss",
            higher_is_better=False,
            definition="The mean of -log(probability given to the true class). It punishes "
            "confident "
            "mistakes; 0 is perfect.",
        ),
    )
}

TASK = Task(
    name="image_classification",
    label="Image classification",
    help="Predicts one class for each picture.",
    data="images",
    split=SPLIT,
    augmentation=AUGMENTATION,
    metrics=METRICS,
    default_metric="accuracy",
    algorithms=("backbone_classifier",),
)
