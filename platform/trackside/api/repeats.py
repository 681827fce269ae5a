"""Idempotency-Key: the same key and request answer the same thing and start nothing twice."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from trackside.accounts.gate import caller
from trackside.api.bodies import fingerprint
from trackside.api.failures import Failure
from trackside.jobs.models import IdempotentAnswer

KEPT = timedelta(days=7)
KEY_MAX = 100


def once(request: HttpRequest, run: Callable[[], HttpResponse]) -> HttpResponse:
    """`run()`, or its first answer, which is kept in the transaction of the work.

    Two at the same time: the later one breaks on the unique key, its work is rolled back, and it
    answers what the first one did.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return run()
    if len(key) > KEY_MAX:
        raise Failure(400, "bad_key", f"An Idempotency-Key has {KEY_MAX} characters at most.")
    seal = fingerprint(request)
    user = caller(request)
    if before := _before(user, key, seal):
        return before
    try:
        with transaction.atomic():
            return _keep(user, key, seal, run())
    except IntegrityError:
        if before := _before(user, key, seal):
            return before
        raise


def _before(user: Any, key: str, seal: str) -> HttpResponse | None:
    kept = IdempotentAnswer.objects.filter(user=user, key=key).first()
    if kept is None:
        return None
    if kept.request_sha256 != seal:
        raise Failure(
            422,
            "key_reused",
            "This Idempotency-Key was used for another request. Take a new key for each request.",
            "Idempotency-Key",
        )
    answer = JsonResponse(kept.body, status=kept.status)
    answer["Idempotent-Replayed"] = "true"
    return answer


def _keep(user: Any, key: str, seal: str, answer: HttpResponse) -> HttpResponse:
    if answer.status_code < 300:
        IdempotentAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()
        IdempotentAnswer.objects.create(
            user=user,
            key=key,
            request_sha256=seal,
            status=answer.status_code,
            body=json.loads(answer.content),
        )
    return answer
