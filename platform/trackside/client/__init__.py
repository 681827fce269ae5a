"""The Python client of Trackside.

from trackside import client
client.train("Insects", relation="photos", y_column_name="label", hyperparams={"epochs": 5})
"""

from trackside.client.client import Client, TracksideError
from trackside.client.login import NotSignedIn
from trackside.client.training import deploy, train

__all__ = ["Client", "NotSignedIn", "TracksideError", "deploy", "train"]
