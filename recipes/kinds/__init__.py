"""KINDS: the kinds of job there are. A new kind is one file and one line here."""

from recipes.kinds import compare, evaluate, explain, import_, preview, score, train
from recipes.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    "import": import_.KIND,
    "train": train.KIND,
    "score": score.KIND,
    "preview": preview.KIND,
    "explain": explain.KIND,
    "compare": compare.KIND,
    "evaluate": evaluate.KIND,
}
