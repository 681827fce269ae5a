"""The calls about the fleet, literally."""

from trackside.api import fleet
from trackside.api import shapes_fleet as f
from trackside.api.operations import Operation, Query
from trackside.compute.usage_report import BY, DAYS

N = "/nodes/{name}"
REPORT = (
    Query(name="by", schema={"type": "string", "enum": list(BY), "default": "project"},
          text="one line a day, a user or a project"),
    Query(name="days", schema={"type": "integer", "default": 30, "maximum": DAYS[-1]},
          text="so many days up to today, UTC"),
)  # fmt: skip
ONLY = "Administrators only."

FLEET: tuple[Operation, ...] = (
    Operation(method="GET", path="/nodes", run=fleet.nodes, tag="Fleet", answer=f.NODES,
              text="The nodes with state, driver, links, GPUs and libraries"),
    Operation(method="POST", path=N + "/drain", run=fleet.drain, tag="Fleet", body=f.DRAIN,
              answer=f.NODE, text="Start no new job on a node", about=ONLY),
    Operation(method="POST", path=N + "/undrain", run=fleet.undrain, tag="Fleet", body=f.NOTHING,
              answer=f.NODE, text="Let a node take jobs again", about=ONLY),
    Operation(method="POST", path="/gpus/{uuid}/mend", run=fleet.mend, tag="Fleet", body=f.NOTHING,
              answer=f.NODE, text="Put a GPU back in service", about=ONLY),
    Operation(method="GET", path="/queue", run=fleet.queue, tag="Fleet", answer=f.QUEUE,
              text="Who waits for what and why, whose turn is next first",
              about="The first 200; `waiting` counts all."),
    Operation(method="POST", path="/jobs/{id}/priority", run=fleet.priority, tag="Jobs",
              body=f.PRIORITY, answer=f.QUEUE, text="Change a job's priority; answers the queue",
              about="Your own, of a project that you edit, up to 0; administrators any."),
    Operation(method="POST", path="/jobs/{id}/place", run=fleet.place, tag="Jobs", body=f.PLACE,
              answer=f.QUEUE, text="Move a waiting job before or after another one",
              about="Your own exchange places and may let anybody pass; administrators any."),
    Operation(method="GET", path="/usage", run=fleet.usage, tag="Fleet", query=REPORT,
              answer=f.USAGE, text="GPU-hours allocated and used, core-hours, energy",
              about="Administrators see everything, others their own and their projects'."),
    Operation(method="GET", path="/quotas", run=fleet.quota_list, tag="Fleet", answer=f.QUOTAS,
              text="The most GPUs at once of users and projects", about=ONLY),
    Operation(method="POST", path="/quotas", run=fleet.quota_set, tag="Fleet", body=f.SET_QUOTA,
              answer=f.QUOTAS, text="Set or remove a quota", about=ONLY),
)  # fmt: skip
