"""What goes wrong with datasets, as sentences for the person who asked."""


class Refused(Exception):
    """Not done; the message says why."""


class BadDataset(Refused):
    """Something that was given is wrong. `field` is where, `code` and `status` are for REST."""

    def __init__(
        self, field: str, message: str, *, code: str = "invalid", status: int = 422
    ) -> None:
        super().__init__(message)
        self.field, self.message, self.code, self.status = field, message, code, status
