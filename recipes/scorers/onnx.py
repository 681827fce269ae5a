"""ONNX Runtime: trees, linear models and networks as a graph of operators."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recipes.scorers.scorer import Scorer, Scores, Where
from recipes.scorers.trees import bounded, library_of

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible, Floats, Matrix

PROVIDERS = {"cpu": ["CPUExecutionProvider"]}
PROVIDERS["cuda"] = ["CUDAExecutionProvider", *PROVIDERS["cpu"]]
SILENT = 4  # what it says goes to the job's standard error: errors are raised anyway


def knows_gpus() -> bool:
    """Whether this build has the provider for NVIDIA: the wheel for the CPU has none."""
    import onnxruntime

    return PROVIDERS["cuda"][0] in onnxruntime.get_available_providers()


def make(learner: Convertible, where: Where) -> Scores:
    return _Session(learner, _graph(learner), where)


class _Session:
    """An inference session, whose inputs are float32 as the learner's are."""

    def __init__(self, learner: Convertible, graph: Any, where: Where) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        onnxruntime.set_default_logger_severity(SILENT)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = where.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = SILENT
        options.enable_cpu_mem_arena = False  # what one block took is given back
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=PROVIDERS[where.device]
        )
        self._session.disable_fallback()
        self._learner = learner
        native = learner.native()
        self._distances = library_of(native) == "sklearn" and not hasattr(native, "predict_proba")
        self._input = self._session.get_inputs()[0].name
        # Of classes the second output are the probabilities or distances, the first the labels.
        self._output = self._session.get_outputs()[1 if learner.classes else 0].name

    def predict(self, matrix: Matrix) -> Floats:
        (given,) = self._session.run([self._output], {self._input: matrix})
        if not self._learner.classes:
            given = given.reshape(-1)
        elif self._distances and given.shape[1] == 2:
            given = given[:, :1]  # of the second class: the other column has the sign turned
        return self._learner.as_told(given)

    def computes_on(self) -> str:
        """ONNX Runtime names the providers that it really has; the first one computes."""
        first = self._session.get_providers()[0]
        return "cuda:0" if first == PROVIDERS["cuda"][0] else "cpu"


def _graph(learner: Convertible) -> Any:
    """The model as ONNX. Raises what the converters raise of what they do not know."""
    native = learner.native()
    bounded(native)
    library = library_of(native)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if library == "sklearn":
            return _of_scikit(native, learner)
        from onnxmltools.convert import convert_lightgbm, convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType

        shape = [("input", FloatTensorType([None, learner.columns]))]
        if library == "xgboost":
            return convert_xgboost(native, initial_types=shape)
        return convert_lightgbm(native, initial_types=shape, zipmap=False)


def _of_scikit(native: Any, learner: Convertible) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    shape = [("input", FloatTensorType([None, learner.columns]))]
    options = {id(native): {"zipmap": False}} if learner.classes else None
    graph = to_onnx(native, initial_types=shape, options=options)
    if hasattr(native, "estimators_"):
        _send_gaps(graph, native)
    return graph


def _send_gaps(graph: Any, forest: Any) -> None:
    """Missing values go where the forest sends them: its converter forgets that."""
    from onnx import helper

    (node,) = (one for one in graph.graph.node if one.op_type.startswith("TreeEnsemble"))
    given = {one.name: one for one in node.attribute}
    trees = [one.tree_.missing_go_to_left for one in forest.estimators_]
    places = zip(given["nodes_treeids"].ints, given["nodes_nodeids"].ints, strict=True)
    left = [int(trees[tree][place]) for tree, place in places]
    name = "nodes_missing_value_tracks_true"
    if name in given:
        node.attribute.remove(given[name])
    node.attribute.append(helper.make_attribute(name, left))


SCORER = Scorer(
    name="onnx",
    label="ONNX Runtime",
    help="Trees, linear models and networks, in single precision.",
    library="onnx",
    packages=("onnxruntime", "onnxruntime-gpu", "onnx", "skl2onnx", "onnxmltools"),
    algorithms=(
        "xgboost",
        "lightgbm",
        "logistic_regression",
        "ridge",
        "random_forest",
        "extra_trees",
        "svm",
        "mlp",
    ),
    devices=("cpu", "cuda"),
    make=make,
    gpu_build=knows_gpus,
)
