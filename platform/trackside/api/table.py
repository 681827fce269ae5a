"""Every call of the REST API, literally. Addresses and the OpenAPI document are made from this."""

from trackside.api import (
    algorithms,
    analyses,
    datasets,
    flow,
    gpus,
    health,
    jobs,
    projects,
    saved_models,
)
from trackside.api import shapes as s
from trackside.api import shapes_datasets as d
from trackside.api import shapes_lab as lab
from trackside.api.operations import Operation, Query
from trackside.api.shapes_design import PATCH_DESIGN, design_schema
from trackside.api.shapes_fit import FITS
from trackside.api.table_connections import CONNECTIONS
from trackside.api.table_evaluations import EVALUATIONS
from trackside.api.table_explaining import EXPLAINING
from trackside.api.table_fleet import FLEET
from trackside.api.table_models import COMPARING

LIMIT = Query(
    name="limit", schema={"type": "integer", "default": 50, "maximum": 200}, text="how many"
)
AFTER = Query(name="after", schema=s.TEXT, text="the `next` of the page before")
PAGE = (LIMIT, AFTER)
COLUMNS = (
    Query(name="column", schema=s.TEXT, text="of a table: only this one; may be repeated"),
    Query(
        name="figures",
        schema={"type": "boolean", "default": True},
        text="false: of each column its name, type, missing, distinct and warnings alone",
    ),
)
WINDOW = (
    Query(name="offset", schema={"type": "integer", "default": 0}, text="the first row, from 0"),
    Query(name="limit", schema={"type": "integer", "default": 100, "maximum": 1000}, text="rows"),
    Query(name="column", schema=s.TEXT, text="of a table: only this one; may be repeated"),
    Query(
        name="Accept",
        schema=s.TEXT,
        place="header",
        text="`text/csv` or `application/vnd.apache.parquet`: the whole dataset",
    ),
)
LEADERBOARD = (
    Query(name="sort", schema=s.TEXT, text="a metric, or label, session, seconds, size"),
    Query(name="order", schema={"enum": ["asc", "desc"]}, text="without it the best is first"),
    Query(name="algorithm", schema=s.TEXT, text="only models of this one"),
    Query(name="state", schema={"enum": ["trained", "work", "failed"]}, text="only these"),
    Query(name="starred", schema={"enum": ["1"]}, text="only these"),
    Query(name="offset", schema={"type": "integer", "default": 0}, text="the first one, from 0"),
    Query(name="limit", schema={"type": "integer", "default": 100, "maximum": 1000}, text="models"),
)
LAST = Query(name="Last-Event-ID", schema=s.TEXT, text="go on behind this event", place="header")
FILTERS = (
    Query(name="project", schema=s.TEXT, text="a project's key"),
    Query(name="state", schema=s.TEXT, text="a job state, such as running"),
)

P = "/projects/{key}"
DATASET = P + "/datasets/{name}"
ANALYSIS = P + "/analyses/{name}"
RECIPE = P + "/recipes/{name}"
MODEL = P + "/saved-models/{name}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path="/gpus", run=gpus.fleet, tag="GPUs", answer=s.GPUS,
              text="All nodes and GPUs, who holds them, who waits",
              about="Bytes, percent, °C and W."),
    *FLEET,
    *CONNECTIONS,
    Operation(method="GET", path="/algorithms", run=algorithms.listed, tag="Lab",
              answer=algorithms.ALL, text="The algorithms, their params, and what they lack here"),
    *EVALUATIONS,
    *COMPARING,
    *EXPLAINING,
    Operation(method="GET", path="/health", run=health.get, tag="Administration",
              answer=health.HEALTH, text="How this Trackside is: what somebody should look at",
              about="Administrators only. `state` is ok, wn (look at it) or er (trouble)."),
    Operation(method="GET", path="/projects", run=projects.listed, tag="Projects", query=PAGE,
              answer=s.listed("projects", s.PROJECT), text="Your projects"),
    Operation(method="POST", path="/projects", run=projects.create, tag="Projects", status=201,
              body=s.NEW_PROJECT, answer=s.PROJECT, text="Make a project", starts=True),
    Operation(method="GET", path=P, run=projects.one, tag="Projects", answer=s.PROJECT,
              text="One project"),
    Operation(method="DELETE", path=P, run=projects.delete, tag="Projects", status=204,
              text="Delete a project with all that is in it", about="Owners only."),
    Operation(method="GET", path=P + "/datasets", run=datasets.listed, tag="Datasets", query=PAGE,
              answer=s.listed("datasets", d.IMPORTING), text="The datasets of a project"),
    Operation(method="POST", path=P + "/datasets", run=datasets.upload, tag="Datasets", status=202,
              form=d.NEW_DATASET, answer=d.IMPORTING, text="Upload a dataset", starts=True,
              about="A table, or a zip or tar of an image folder. The answer names the job."),
    Operation(method="GET", path=DATASET, run=datasets.get, tag="Datasets", answer=d.DATASET,
              query=COLUMNS, text="One dataset: classes, columns, problems"),
    Operation(method="PATCH", path=DATASET, run=datasets.correct, tag="Datasets", status=202,
              body=d.CORRECT_DATASET, answer=d.IMPORTING, starts=True,
              text="Correct the types of a table's columns: its file is imported again"),
    Operation(method="POST", path=DATASET + "/file", run=datasets.replace, tag="Datasets",
              status=202, form=d.NEWER_ROWS, answer=d.IMPORTING, starts=True,
              text="Upload newer rows of a table",
              about="Read as the last file was. Until that has ended well, its rows stay."),
    Operation(method="DELETE", path=DATASET, run=datasets.delete, tag="Datasets", status=204,
              text="Delete a dataset that nothing uses"),
    Operation(method="GET", path=DATASET + "/rows", run=datasets.rows, tag="Datasets",
              query=WINDOW, answer=d.ROWS, text="Rows of a dataset",
              answers=("text/csv", "application/vnd.apache.parquet")),
    Operation(method="GET", path=P + "/analyses", run=analyses.listed, tag="Lab", query=PAGE,
              answer=s.listed("analyses", s.ANY_OBJECT), text="The analyses of a project"),
    Operation(method="POST", path=P + "/analyses", run=analyses.create, tag="Lab", status=201,
              body=s.NEW_ANALYSIS, answer=design_schema(), starts=True,
              text="Make an analysis; answers the design with its defaults"),
    Operation(method="GET", path=ANALYSIS, run=analyses.get, tag="Lab", answer=design_schema(),
              text="The design of an analysis"),
    Operation(method="PATCH", path=ANALYSIS, run=analyses.change, tag="Lab", body=PATCH_DESIGN,
              answer=design_schema(), text="Change parts of a design"),
    Operation(method="DELETE", path=ANALYSIS, run=analyses.delete, tag="Lab", status=204,
              text="Delete an analysis with its sessions",
              about="409 while one trains, or a version in the Flow uses a model of it."),
    Operation(method="POST", path=ANALYSIS + "/fit", run=analyses.fit, tag="Lab", body=s.FIT,
              answer=FITS,
              text="Would it fit? A verdict for each GPU, what placement would do now, duration"),
    Operation(method="POST", path=ANALYSIS + "/train", run=analyses.train, tag="Lab", status=201,
              body=s.TRAIN, answer=lab.TRAINING, text="Train the models of a design", starts=True),
    Operation(method="GET", path=ANALYSIS + "/sessions/{n}", run=analyses.session, tag="Lab",
              answer=lab.SESSION, text="The models of a session, best first"),
    Operation(method="DELETE", path=ANALYSIS + "/sessions/{n}", run=analyses.delete_session,
              tag="Lab", status=204, text="Delete a session with its models",
              about="409 while it trains, or a version in the Flow uses a model of it."),
    Operation(method="GET", path=ANALYSIS + "/models", run=analyses.models, tag="Lab",
              query=LEADERBOARD, answer=lab.LEADERBOARD,
              text="The models of all sessions of an analysis, best first"),
    Operation(method="GET", path=P + "/trained-models/{id}", run=analyses.trained_model, tag="Lab",
              answer=lab.TRAINED_MODEL, text="One trained model: its metrics, facts and report",
              about="The report has what the results pages show; null while it is not trained."),
    Operation(method="PATCH", path=P + "/trained-models/{id}", run=analyses.change_model,
              tag="Lab", body=lab.PATCH_TRAINED_MODEL, answer=lab.TRAINED_MODEL,
              text="Keep another threshold of a model of two classes, or star a model",
              about="A kept threshold goes with a deployment; null is the model's own."),
    Operation(method="GET", path="/jobs", run=jobs.listed, tag="Jobs", query=(*FILTERS, *PAGE),
              answer=s.listed("jobs", s.JOB), text="Your projects' jobs, newest first"),
    Operation(method="GET", path="/jobs/{id}", run=jobs.get, tag="Jobs", answer=s.JOB,
              text="One job"),
    Operation(method="GET", path="/jobs/{id}/log", run=jobs.log, tag="Jobs",
              answers=("text/plain",), text="What the job printed"),
    Operation(method="GET", path="/jobs/{id}/file", run=jobs.file, tag="Jobs",
              answers=("text/csv", "application/vnd.apache.parquet"),
              text="The file that a scoring wrote to download",
              about="404 for a job that wrote a dataset, or nothing yet."),
    Operation(method="POST", path="/jobs/{id}/stop", run=jobs.stop, tag="Jobs", body=s.STOP,
              answer=s.JOB, text="Finish early (keeps the best weights) or cancel"),
    Operation(method="POST", path="/jobs/{id}/pause", run=jobs.pause, tag="Jobs", answer=s.JOB,
              text="Pause: it writes a checkpoint, ends, and keeps its place in the queue"),
    Operation(method="POST", path="/jobs/{id}/resume", run=jobs.resume, tag="Jobs", answer=s.JOB,
              text="Go on with a paused job from its checkpoint"),
    Operation(method="POST", path="/jobs/{id}/move", run=jobs.move, tag="Jobs", body=s.MOVE,
              answer=s.JOB, text="Go on elsewhere from a checkpoint, or wait for other devices"),
    Operation(method="POST", path=P + "/trained-models/{id}/deploy", run=saved_models.deploy,
              tag="Flow", status=201, body=s.DEPLOY, answer=s.DEPLOYED, starts=True,
              text="Deploy a trained model to the Flow",
              about="A saved model with a version and a training recipe that can run again."),
    Operation(method="GET", path=P + "/flow", run=flow.graph, tag="Flow", answer=s.FLOW,
              text="The Flow as nodes and edges"),
    Operation(method="GET", path=P + "/recipes", run=flow.listed, tag="Flow", query=PAGE,
              answer=s.listed("recipes", s.RECIPE), text="The recipes of a project"),
    Operation(method="POST", path=P + "/recipes", run=flow.create, tag="Flow", status=201,
              body=s.NEW_RECIPE, answer=s.RECIPE, text="Make a recipe", starts=True),
    Operation(method="GET", path=RECIPE, run=flow.get, tag="Flow", answer=s.RECIPE,
              text="One recipe"),
    Operation(method="PATCH", path=RECIPE, run=flow.change, tag="Flow", body=s.PATCH_RECIPE,
              answer=s.RECIPE, text="Change a recipe's settings or its compute"),
    Operation(method="DELETE", path=RECIPE, run=flow.delete, tag="Flow", status=204,
              text="Delete a recipe; what it wrote stays"),
    Operation(method="POST", path=RECIPE + "/run", run=flow.run, tag="Flow", status=201,
              body=s.RUN, answer=s.JOB, text="Run a recipe", starts=True,
              about="With its own compute, or with the given one this time only."),
    Operation(method="GET", path=P + "/saved-models", run=saved_models.listed, tag="Saved models",
              query=PAGE, answer=s.listed("saved_models", s.SAVED_MODEL),
              text="The saved models of a project"),
    Operation(method="GET", path=MODEL, run=saved_models.get, tag="Saved models",
              answer=s.SAVED_MODEL, text="One saved model with its versions"),
    Operation(method="POST", path=MODEL + "/activate", run=saved_models.activate,
              tag="Saved models", body=s.ACTIVATE, answer=s.SAVED_MODEL,
              text="Make a version the active one"),
    Operation(method="DELETE", path=MODEL + "/versions/{v}", run=saved_models.delete_version,
              tag="Saved models", status=204, text="Delete a version that is not the active one"),
    Operation(method="GET", path=MODEL + "/versions/{v}/bundle", run=saved_models.bundle,
              tag="Saved models", answers=("application/x-tar",),
              text="Download the bundle of a version",
              about="`python -m recipes score bundle PHOTOS --out FILE` runs it anywhere."),
)  # fmt: skip
# Streams have a view of their own: it is asynchronous.
EVENTS = Operation(
    method="GET", path="/jobs/{id}/events", run=jobs.events, tag="Jobs", query=(LAST,),
    answers=("text/event-stream",), text="The job's story as Server-Sent Events",
    about="Each event's id can be sent back as Last-Event-ID. The stream ends with `event: end`.",
)  # fmt: skip
