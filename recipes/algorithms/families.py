"""FAMILIES: what algorithms for tables have in common, and which of them to begin with."""

TREES = "Boosted trees"
FORESTS = "Forests"
LINEAR = "Linear models"
NETWORKS = "Neural networks"
OTHERS = "Others"

FAMILIES = {
    TREES: "Begin with XGBoost: it is on every machine, and on most tables nothing is better.",
    FORESTS: "Begin with the random forest: it has little to set and is hard to spoil.",
    LINEAR: "Begin here where effects must be explained, or to see what the others gain.",
    NETWORKS: "Begin with the deep network. Keras, TensorFlow and Flax learn the same dense "
    "network with another library: choose one if your team works with it.",
    OTHERS: "Begin with the nearest neighbours on tables of few columns, with the support vector "
    "machine on those of few rows.",
}
