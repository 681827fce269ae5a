"""GET /gpus: the board that the GPU picker shows."""

from typing import Any

from django.http import HttpRequest

from trackside.compute.board import board


def fleet(request: HttpRequest) -> dict[str, Any]:
    return board(request.user)
