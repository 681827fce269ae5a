"""What goes wrong, as REST says it: a code for programs, a sentence for people, a field."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFilesSent,
    ValidationError,
)
from django.http import Http404, HttpResponse
from django.http.multipartparser import MultiPartParserError

from recipes.params import ParamError
from trackside.accounts.gate import error_json
from trackside.compute.requests import BadCompute
from trackside.compute.room import NoRoom
from trackside.datasets import services as datasets
from trackside.flow.graph import Cycle
from trackside.flow.services import BadRecipe, RecipeBusy
from trackside.jobs.services import AlreadyOver, NotNow
from trackside.lab import services as lab
from trackside.lab.trouble import Busy
from trackside.projects import services as projects
from trackside.saved_models import services as saved_models
from trackside.saved_models.bundles import BundleGone


class Failure(Exception):
    """An answer other than success, raised anywhere inside a call."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field


def _of_params(wrong: ParamError | lab.BadDesign) -> Failure:
    name, sentence = next(iter(wrong.errors.items()))
    return Failure(422, "invalid", sentence, name)


def _of_validation(wrong: ValidationError) -> Failure:
    if hasattr(wrong, "error_dict"):
        field, sentences = next(iter(wrong.message_dict.items()))
        return Failure(422, "invalid", sentences[0], field)
    return Failure(422, "invalid", wrong.messages[0])


def _too_big(_: Exception) -> Failure:
    return Failure(413, "too_large", "The request is larger than Trackside accepts.")


# The first class that fits answers; what is not in this table is a fault of Trackside: 500.
ANSWERS: tuple[tuple[type[Exception], Callable[[Any], Failure]], ...] = (
    (Failure, lambda one: one),
    (Http404, lambda one: Failure(404, "not_found", str(one) or "There is no such thing.")),
    (PermissionDenied, lambda one: Failure(403, "forbidden", str(one) or "You may not do this.")),
    (NoRoom, lambda one: Failure(507, one.code, one.sentence)),
    (BadCompute, lambda one: Failure(422, one.code, one.sentence, one.field)),
    (BadRecipe, lambda one: Failure(422, "invalid", str(one), one.field)),
    (Cycle, lambda one: Failure(422, "cycle", str(one), "output")),
    (ParamError, _of_params),
    (ValidationError, _of_validation),
    (datasets.BadDataset, lambda one: Failure(one.status, one.code, one.message, one.field)),
    (datasets.Refused, lambda one: Failure(409, "refused", str(one))),
    (lab.BadDesign, _of_params),
    (Busy, lambda one: Failure(503, "busy", str(one))),
    (lab.Refused, lambda one: Failure(409, "refused", str(one))),
    (RecipeBusy, lambda one: Failure(409, "busy", str(one))),
    (AlreadyOver, lambda one: Failure(409, "already_over", str(one))),
    (NotNow, lambda one: Failure(409, "not_now", str(one))),
    (projects.Refused, lambda one: Failure(409, "refused", str(one))),
    (saved_models.Refused, lambda one: Failure(409, "refused", str(one))),
    (BundleGone, lambda one: Failure(410, "gone", str(one))),
    (RequestDataTooBig, _too_big),
    (TooManyFilesSent, _too_big),
    (MultiPartParserError, lambda one: Failure(400, "bad_form", f"The form is damaged: {one}.")),
)


def answer_to(wrong: Exception) -> HttpResponse | None:
    """The error as JSON; None for what nobody foresaw."""
    for kind, made in ANSWERS:
        if isinstance(wrong, kind):
            failure = made(wrong)
            return error_json(failure.code, failure.message, failure.status, failure.field)
    return None
