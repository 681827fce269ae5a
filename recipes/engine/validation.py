"""What the net makes of the validation's pictures, with an ear for orders between the batches."""

from collections.abc import Callable

from torch import Tensor, nn

from recipes.engine.course import GIVE_WAY, NOTHING, Course
from recipes.engine.peers import Peers
from recipes.engine.predict import outputs
from recipes.job import GaveWay


def validate(
    net: nn.Module, course: Course, peers: Peers, wish: Callable[[], int]
) -> tuple[Tensor, int]:
    """The outputs, and the largest wish that was heard. All ranks call it.

    Raises GaveWay, on all ranks after the same batch.
    """
    votes, heard = peers.votes(), [NOTHING]

    def listen() -> None:
        heard.append(votes.cast(wish()))
        if heard[-1] == GIVE_WAY:
            votes.close()
            raise GaveWay

    logits = outputs(net, course.val, peers, course.precision, between=listen)
    return logits, max(*heard, votes.close())
