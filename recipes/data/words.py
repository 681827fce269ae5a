"""Texts become numbers: words by how rare they are, or anything by its checksum."""

import re
import zlib
from collections import Counter

import numpy as np

from recipes.data.table import NOTHING, State, Values, as_text
from recipes.engine.metrics import Floats

WORD = re.compile(r"\w\w+")


class Hashed:
    """Categories, or words, fall into a fixed number of columns by their checksum."""

    scaled = False
    unseen = 0

    def __init__(self, state: State) -> None:
        self.state = state

    @classmethod
    def learn(cls, values: Values, handling: State, target: Floats) -> "Hashed":
        wide = int(handling["max_categories"])
        return cls({"columns": wide, "words": handling["type"] == "text"})

    @property
    def outputs(self) -> list[str]:
        return [f"hash {place}" for place in range(self.state["columns"])]

    def blocks(self, values: Values) -> Floats:
        made = np.zeros((len(values), self.state["columns"]))
        for row, text in enumerate(as_text(values).to_pylist()):
            for word in _words(text) if self.state["words"] else [text or NOTHING]:
                made[row, zlib.crc32(word.encode()) % self.state["columns"]] += 1
        return made


class TfIdf:
    """The most frequent words, weighted by how few rows have them; rows have length 1."""

    scaled = False
    unseen = 0

    def __init__(self, state: State) -> None:
        self.state = state
        self._places = {word: place for place, word in enumerate(state["words"])}

    @classmethod
    def learn(cls, values: Values, handling: State, target: Floats) -> "TfIdf":
        rows: Counter[str] = Counter()
        for text in as_text(values).to_pylist():
            rows.update(set(_words(text)))
        ordered = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
        kept = ordered[: handling["max_categories"]]
        weights = [float(np.log((1 + len(values)) / (1 + count)) + 1) for _, count in kept]
        return cls({"words": [word for word, _ in kept], "weights": weights})

    @property
    def outputs(self) -> list[str]:
        return list(self.state["words"])

    def blocks(self, values: Values) -> Floats:
        made = np.zeros((len(values), len(self._places)))
        for row, text in enumerate(as_text(values).to_pylist()):
            for word in _words(text):
                if (place := self._places.get(word)) is not None:
                    made[row, place] += 1
        made *= np.array(self.state["weights"])
        lengths = np.sqrt((made**2).sum(1, keepdims=True))
        scaled: Floats = np.divide(made, lengths, out=made, where=lengths > 0)
        return scaled


def _words(text: str | None) -> list[str]:
    return WORD.findall(text.lower()) if text else []
