"""What the cards say about a kind of job."""

from recipes.kinds import KINDS


def known(kind: str) -> bool:
    return kind in KINDS


def takes_quick_slot(kind: str) -> bool:
    """Short jobs that a page waits for, and those without torch, never wait for CPU cores."""
    card = KINDS[kind]
    return card.quick or not card.torch
