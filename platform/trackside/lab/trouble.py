"""What goes wrong in the Lab, as sentences for the person who asked."""


class Refused(Exception):
    """Not done; the message says why."""


class Busy(Refused):
    """Not done now: too many wait for the same."""


class BadDesign(Refused):
    """Values that are wrong. `errors` maps a field, such as `training.epochs`, to its sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors
