"""Why something cannot be done in the Flow."""


class BadRecipe(Exception):
    """The recipe cannot be as it was asked for. `field` is where to show the sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class RecipeBusy(Exception):
    """The recipe is at work."""
