"""Networks for the numbers of a table: a deep perceptron and an FT-Transformer.

Both take float32 [rows, columns] and give [rows, outputs]. Of columns that are ranks of categories
the FT-Transformer learns an embedding a category.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


class DeepMLP(nn.Module):
    """Layers between the columns and the prediction, each normed and with dropout; residual ones
    are added to what comes in."""

    def __init__(
        self, columns: int, outputs: int, *, layers: int, width: int, dropout: float, residual: bool
    ) -> None:
        super().__init__()
        self.numbers_a_row = max(columns, width)  # in the largest of its layers
        self.first = nn.Linear(columns, width)
        self.layers = nn.ModuleList(_Layer(width, dropout, residual) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        seen = _exact(self.first, rows)
        for layer in self.layers:
            seen = layer(seen)
        return _exact(self.head, functional.relu(self.norm(seen)))


class _Layer(nn.Module):
    def __init__(self, width: int, dropout: float, residual: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.residual = residual

    def forward(self, seen: Tensor) -> Tensor:
        made: Tensor = self.dropout(self.linear(functional.relu(self.norm(seen))))
        return seen + made if self.residual else made


@dataclass(frozen=True, kw_only=True)
class Form:
    """How large an FT-Transformer is; the width is a multiple of the heads."""

    blocks: int
    width: int
    heads: int
    attention_dropout: float
    dropout: float


class FTTransformer(nn.Module):
    """Each column becomes a token; tokens look at each other in blocks; one of their own, CLS,
    gathers what the prediction is made of (Gorishniy et al., 2021).

    `ranks`: of the columns that are categories, by their place, how many there are.
    """

    def __init__(self, columns: int, outputs: int, ranks: dict[int, int], form: Form) -> None:
        super().__init__()
        self.numbers_a_row = (1 + columns) * form.width
        self.tokens = _Tokens(columns, form.width, ranks)
        self.blocks = nn.ModuleList(
            _Block(form, first=not place, last=place == form.blocks - 1)
            for place in range(form.blocks)
        )
        self.norm = nn.LayerNorm(form.width)
        self.head = nn.Linear(form.width, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        seen = self.tokens(rows)
        for block in self.blocks:
            seen = block(seen)
        return _exact(self.head, functional.relu(self.norm(seen[:, 0])))


class _Tokens(nn.Module):
    """[rows, columns] as [rows, 1 + columns, width]: CLS, the numbers, the categories."""

    def __init__(self, columns: int, width: int, ranks: dict[int, int]) -> None:
        super().__init__()
        numbers = [place for place in range(columns) if place not in ranks]
        counts = [1 + ranks[place] for place in sorted(ranks)]  # the first is unseen or missing
        self.numbers: Tensor
        self.categories: Tensor
        self.begins: Tensor
        self.last: Tensor
        begins = [sum(counts[:place]) for place in range(len(counts))]
        for name, places in (
            ("numbers", numbers),
            ("categories", sorted(ranks)),
            ("begins", begins),
            ("last", [one - 1 for one in counts]),
        ):
            self.register_buffer(name, torch.tensor(places, dtype=torch.long), persistent=False)
        self.cls = nn.Parameter(_small(1, width))
        self.bias = nn.Parameter(_small(columns, width))
        if numbers:
            self.weight = nn.Parameter(_small(len(numbers), width))
        if counts:
            self.embedding = nn.Parameter(_small(sum(counts), width))
            with torch.no_grad():
                self.embedding[begins] = 0  # says nothing, until rows teach it

    def forward(self, rows: Tensor) -> Tensor:
        made = []
        if len(self.numbers):
            made.append(rows[:, self.numbers, None] * self.weight)
        if len(self.categories):
            codes = (rows[:, self.categories].round().long() + 1).clamp(min=0)
            codes = torch.minimum(codes, self.last) + self.begins
            made.append(functional.embedding(codes, self.embedding))
        seen = torch.cat(made, 1) + self.bias
        return torch.cat([self.cls.expand(len(rows), 1, -1), seen], 1)


class _Block(nn.Module):
    """Attention, then a gated layer; the norms come before them, but for the first one of all. In
    the last block CLS alone looks at the others: nobody reads the rest."""

    def __init__(self, form: Form, *, first: bool, last: bool) -> None:
        super().__init__()
        width, hidden = form.width, form.width * 4 // 3
        self.heads = form.heads
        self.attention_dropout = form.attention_dropout
        self.last = last
        self.norm = nn.Identity() if first else nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.norm_layer = nn.LayerNorm(width)
        self.gated = nn.Linear(width, 2 * hidden)
        self.dropout = nn.Dropout(form.dropout)
        self.linear = nn.Linear(hidden, width)

    def forward(self, seen: Tensor) -> Tensor:
        normed = self.norm(seen)
        asking = normed[:, :1] if self.last else normed
        seen = seen[:, :1] if self.last else seen
        seen = seen + self._attend(asking, normed)
        value, gate = self.gated(self.norm_layer(seen)).chunk(2, -1)
        made: Tensor = seen + self.linear(self.dropout(value * functional.relu(gate)))
        return made

    def _attend(self, asking: Tensor, seen: Tensor) -> Tensor:
        query = self._split(self.query(asking))
        key, value = (self._split(one) for one in self.key_value(seen).chunk(2, -1))
        dropped = self.attention_dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropped)
        made: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return made

    def _split(self, seen: Tensor) -> Tensor:
        """[rows, tokens, width] as [rows, heads, tokens, width of a head]."""
        return seen.reshape(*seen.shape[:2], self.heads, -1).transpose(1, 2)


def _exact(layer: nn.Module, seen: Tensor) -> Tensor:
    """In full precision, whatever the layers between: a number's last digits may tell."""
    with torch.autocast(seen.device.type, enabled=False):
        made: Tensor = layer(seen.float() if seen.dtype == torch.bfloat16 else seen)
    return made


def _small(count: int, width: int) -> Tensor:
    """Drawn as torch draws the weights of a layer with so many inputs."""
    return torch.empty(count, width).uniform_(-(width**-0.5), width**-0.5)
