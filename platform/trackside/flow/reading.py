"""Whether a version can read a dataset, as far as both are known before a scoring starts."""

from recipes import drift
from recipes.tasks import data_of
from trackside.datasets import tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.saved_models import bundles
from trackside.saved_models.models import Version


def trouble(dataset: Dataset, version: Version) -> str:
    """The sentence for why this version cannot score the dataset, or nothing."""
    if data_of(version.saved_model.task) != "table" or dataset.state != DatasetState.READY:
        return ""
    if dataset.kind != "table":
        return f"{version.saved_model} reads tables; {dataset} is a dataset of images."
    if not tables.is_parquet(dataset):
        return (
            f"{dataset} holds lines of CSV, as a scoring of images writes them. Download it and "
            "upload it as a table; then it can be scored."
        )
    told = bundles.about(bundles.folder(version))
    here = tables.types(dataset)
    return drift.of_model(told, here) if here else ""
