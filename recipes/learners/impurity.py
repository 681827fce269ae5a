"""What a tree of scikit-learn knows of itself beside its splits and leaves, from rows that it sees.

A tree that another library grew comes without it: how many rows came by each node, how mixed they
were, and where missing values go. With it scikit-learn tells the importance of the columns again.
"""

from typing import Any

import numpy as np

from recipes.learners.learner import Floats, Matrix


def measure(
    tree: Any, matrix: Matrix, target: Any, weight: Floats | None, classes: int = 0
) -> None:
    """Of `tree`, the `tree_` of a decision tree: its nodes know these rows, as if grown from them.

    `target` are the places of the classes, or numbers. Gini impurity or squared error, as
    scikit-learn defines them; the splits and what the leaves say stay as they are.
    """
    leaves = tree.apply(matrix)
    each = np.ones(len(leaves)) if weight is None else weight
    size = tree.node_count
    if classes:
        place = leaves * classes + target
        sums = np.bincount(place, each, size * classes).reshape(size, classes)
    else:
        aim = target - np.average(target, weights=weight)
        parts = (each, each * aim, each * aim**2)
        sums = np.stack([np.bincount(leaves, one, size) for one in parts], 1)
    counts = np.bincount(leaves, minlength=size)
    _upwards(tree, sums)
    _upwards(tree, counts)
    whole = sums.sum(1) if classes else sums[:, 0]
    tree.n_node_samples[:] = counts
    tree.weighted_n_node_samples[:] = whole
    if classes:
        tree.impurity[:] = 1 - ((sums / whole[:, None]) ** 2).sum(1)
    else:
        tree.impurity[:] = np.maximum(sums[:, 2] / whole - (sums[:, 1] / whole) ** 2, 0)


def send_gaps(tree: Any, full: Any) -> None:
    """A missing value in a column that was `full`, one truth a column, goes the way of most rows.

    So does scikit-learn; in the other columns the split itself has learned where they go.
    """
    inner = np.flatnonzero(tree.children_left >= 0)
    inner = inner[full[tree.feature[inner]]]
    left, right = (
        tree.n_node_samples[one[inner]] for one in (tree.children_left, tree.children_right)
    )
    tree.missing_go_to_left[inner] = left > right


def _upwards(tree: Any, sums: Any) -> None:
    """Those of the leaves are there; a node has those of both its children."""
    depths = tree.compute_node_depths()
    inner = np.flatnonzero(tree.children_left >= 0)
    inner = inner[np.argsort(-depths[inner], kind="stable")]
    edges = np.flatnonzero(np.diff(depths[inner])) + 1
    for nodes in np.split(inner, edges):
        sums[nodes] = sums[tree.children_left[nodes]] + sums[tree.children_right[nodes]]
