"""Questions to the driver, in threads of their own: a call that hangs there must not hang us.

One thread asks. When an answer does not come in time, that thread is left to its call, another one
takes its place, and what the question was about is not asked again until the call has returned.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

WITHIN = 5.0
T = TypeVar("T")
_Question = tuple[Callable[[], Any], "Future[Any]"]


class NoAnswer(Exception):
    """The driver did not answer in time, or has not answered an earlier question yet."""


class Driver:
    """`ask` may be called by any thread."""

    def __init__(self, within: float = WITHIN) -> None:
        self.within = within
        self._lock = threading.Lock()
        self._stuck: dict[str, Future[Any]] = {}
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._started = False

    def ask(self, about: str, call: Callable[[], T]) -> T:
        """What `call` returns or raises. Raises NoAnswer."""
        with self._lock:
            before = self._stuck.get(about)
            if before is not None and not before.done():
                raise NoAnswer(f"The driver has not answered about {about} yet.")
            self._stuck.pop(about, None)
            if not self._started:
                self._start()
            mine = self._questions
            answer: Future[T] = Future()
            mine.put((call, answer))
        try:
            return answer.result(self.within)
        except TimeoutError:
            if answer.done():  # the call itself has timed out
                raise
            self._give_up(about, answer, mine)
            raise NoAnswer(
                f"The driver did not answer about {about} within {self.within:g} seconds."
            ) from None

    def _give_up(self, about: str, answer: "Future[Any]", mine: Any) -> None:
        """Who waited behind the stuck call was not at fault: only the first is remembered."""
        if answer.cancel():
            return
        with self._lock:
            self._stuck[about] = answer
            if self._questions is mine:
                mine.put(None)  # the thread ends when its call comes back after all
                self._start()

    def _start(self) -> None:
        self._started = True
        self._questions = queue.SimpleQueue()
        threading.Thread(
            target=_answer, args=(self._questions,), name="driver", daemon=True
        ).start()


def _answer(questions: "queue.SimpleQueue[_Question | None]") -> None:
    while (question := questions.get()) is not None:
        call, answer = question
        if not answer.set_running_or_notify_cancel():
            continue
        try:
            answer.set_result(call())
        except BaseException as wrong:
            answer.set_exception(wrong)
