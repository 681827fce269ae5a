"""The REST API as Python calls. Knows nothing of Django: httpx and the standard library only."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx

from trackside.client.login import load

OVER = ("succeeded", "failed", "cancelled")
Json = dict[str, Any]


class TracksideError(Exception):
    """What the server said: `code` for programs, a sentence for people, the wrong `field`."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


class Client:
    """`Client()` uses the saved login; every call raises TracksideError with the server's sentence.

    Each call that starts work has an Idempotency-Key, so that a repeat after a lost answer is safe.
    """

    def __init__(
        self, url: str = "", token: str = "", *, transport: httpx.BaseTransport | None = None
    ) -> None:
        if not url or not token:
            login = load()
            url, token = url or login.url, token or login.token
        self.http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(60, write=600),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def call(self, method: str, path: str, **rest: Any) -> Json:
        headers = dict(rest.pop("headers", {}))
        if method == "POST":
            headers.setdefault("Idempotency-Key", uuid4().hex)
        answer = self.http.request(method, path, headers=headers, **rest)
        raise_for(answer)
        return dict(answer.json()) if answer.content else {}

    def gpus(self) -> Json:
        return self.call("GET", "/gpus")

    def algorithms(self) -> list[Json]:
        return list(self.call("GET", "/algorithms")["algorithms"])

    def nodes(self) -> list[Json]:
        return list(self.call("GET", "/nodes")["nodes"])

    def drain(self, node: str, note: str = "", ask_jobs: bool = False) -> Json:
        body = {"note": note, "ask_jobs": ask_jobs}
        return self.call("POST", f"/nodes/{quote(node, safe='')}/drain", json=body)

    def undrain(self, node: str) -> Json:
        return self.call("POST", f"/nodes/{quote(node, safe='')}/undrain", json={})

    def mend(self, gpu: str) -> Json:
        """Put the GPU with this UUID back in service."""
        return self.call("POST", f"/gpus/{quote(gpu, safe='')}/mend", json={})

    def queue(self) -> Json:
        return self.call("GET", "/queue")

    def set_priority(self, job: int, priority: int) -> Json:
        return self.call("POST", f"/jobs/{job}/priority", json={"priority": priority})

    def place(self, job: int, *, before: int | None = None, after: int | None = None) -> Json:
        """Move a waiting job before or after another one."""
        body = given({"before": before, "after": after})
        return self.call("POST", f"/jobs/{job}/place", json=body)

    def usage(self, by: str = "project", days: int = 30) -> Json:
        return self.call("GET", "/usage", params={"by": by, "days": days})

    def projects(self) -> list[Json]:
        return list(self.pages("/projects", "projects"))

    def create_project(self, key: str, name: str) -> Json:
        return self.call("POST", "/projects", json={"key": key, "name": name})

    def upload(
        self,
        project: str,
        name: str,
        file: str | Path,
        kind: str = "auto",
        read: Json | None = None,
        types: Json | None = None,
    ) -> Json:
        """Send a table or an archive of images; the answer names the job of its import.

        For a table `read` may have delimiter, encoding, header, sheet and missing, `types` the
        type of a column: text, integer, number, boolean, date or datetime.
        """
        told = {"read": json.dumps(read or {}), "types": json.dumps(types or {})}
        path = address("projects", project, "datasets")
        return self._send(path, file, {"name": name, "kind": kind, **told})

    def replace(self, project: str, name: str, file: str | Path) -> Json:
        """Send newer rows of an uploaded table; the answer names the job of their import."""
        return self._send(address("projects", project, "datasets", name, "file"), file, {})

    def correct(
        self, project: str, name: str, types: Json | None = None, read: Json | None = None
    ) -> Json:
        """Import a table's file again with these types; "auto" finds a column's type out."""
        body = given({"types": types, "read": read})
        return self.call("PATCH", address("projects", project, "datasets", name), json=body)

    def rows(
        self,
        project: str,
        name: str,
        offset: int = 0,
        limit: int = 100,
        columns: Sequence[str] = (),
    ) -> Json:
        """`{"columns", "rows"}`: a window of a dataset, of these columns or of all."""
        query = {"offset": offset, "limit": limit, "column": list(columns)}
        path = address("projects", project, "datasets", name, "rows")
        return self.call("GET", path, params=query)

    def dataset(self, project: str, name: str) -> Json:
        return self.call("GET", address("projects", project, "datasets", name))

    def download(self, project: str, name: str, file: str | Path) -> Path:
        """The whole dataset, streamed into `file`: Parquet when it is called so, else CSV."""
        path = address("projects", project, "datasets", name, "rows")
        parquet = Path(file).suffix == ".parquet"
        accept = "application/vnd.apache.parquet" if parquet else "text/csv"
        return self._save(path, file, accept=accept)

    def bundle(self, project: str, saved_model: str, version: int, file: str | Path) -> Path:
        path = address("projects", project, "saved-models", saved_model, "versions", version)
        return self._save(path + "/bundle", file, accept="application/x-tar")

    def train_analysis(self, project: str, analysis: str, **wishes: Any) -> Json:
        """`compute`, `models`, `search`, `split`, `session_name` as in REST; it names the jobs."""
        path = address("projects", project, "analyses", analysis, "train")
        return self.call("POST", path, json=given(wishes))

    def session(self, project: str, analysis: str, number: int) -> Json:
        path = address("projects", project, "analyses", analysis, "sessions", number)
        return self.call("GET", path)

    def jobs(self, project: str = "", state: str = "", limit: int = 50) -> list[Json]:
        query = given({"project": project, "state": state, "limit": limit})
        return list(self.call("GET", "/jobs", params=query)["jobs"])

    def job(self, number: int) -> Json:
        return self.call("GET", f"/jobs/{number}")

    def log(self, number: int) -> str:
        answer = self.http.get(f"/jobs/{number}/log")
        raise_for(answer)
        return answer.text

    def stop(self, number: int, how: str = "cancel") -> Json:
        return self.call("POST", f"/jobs/{number}/stop", json={"how": how})

    def pause(self, number: int) -> Json:
        return self.call("POST", f"/jobs/{number}/pause")

    def resume(self, number: int) -> Json:
        return self.call("POST", f"/jobs/{number}/resume")

    def move(self, number: int, compute: Json) -> Json:
        """A job that runs goes on there from its checkpoint; one that waits waits there."""
        return self.call("POST", f"/jobs/{number}/move", json={"compute": compute})

    def wait(self, number: int, *, every: float = 0.5) -> Iterator[Json]:
        """The job each time that it has moved on, the last time when it is over."""
        shown, job = None, self.job(number)
        while job["state"] not in OVER:
            if (moved := (job["state"], job["progress"])) != shown:
                shown = moved
                yield job
            time.sleep(every)
            job = self.job(number)
        yield job

    def finished(self, number: int) -> Json:
        """Wait for a job and for the dataset that its figures go to; failure raises its reason."""
        *_, job = self.wait(number)
        if job["state"] != "succeeded":
            raise TracksideError(200, job["state"], job["reason"] or f"Job {number} failed.")
        if job.get("fills"):
            self.ready(job["project"], job["fills"])
        return dict(job)

    def ready(self, project: str, name: str, *, every: float = 0.5) -> Json:
        """Wait for the import of a dataset; one that did not work raises with its reason."""
        while (one := self.dataset(project, name))["state"] == "importing":
            time.sleep(every)
        if one["reason"]:
            raise TracksideError(200, one["state"], f"{name}: {one['reason']}")
        return one

    def deploy(self, project: str, trained_model: int, name: str, **how: Any) -> Json:
        """As the active version, unless activate=False or strategy="best_score" decides."""
        path = address("projects", project, "trained-models", trained_model, "deploy")
        return self.call("POST", path, json={"name": name, **how})

    def activate(
        self, project: str, saved_model: str, version: int | None = None, strategy: str = ""
    ) -> Json:
        """Which version scores: this one, or by most_recent, best_score or rollback."""
        path = address("projects", project, "saved-models", saved_model, "activate")
        return self.call("POST", path, json=given({"version": version, "strategy": strategy}))

    def create_recipe(self, project: str, body: Json) -> Json:
        return self.call("POST", address("projects", project, "recipes"), json=body)

    def run_recipe(
        self,
        project: str,
        name: str,
        compute: Json | None = None,
        *,
        settings: Json | None = None,
        warm_start: bool | None = None,
    ) -> Json:
        """The job. What is named holds for this run alone: the compute, a scoring's settings, and
        whether a training goes on from the active version."""
        path = address("projects", project, "recipes", name, "run")
        once = {"compute": compute, "settings": settings, "warm_start": warm_start}
        return self.call("POST", path, json=given(once))

    def pages(self, path: str, noun: str) -> Iterator[Json]:
        """All of a list, page by page."""
        after: str | None = ""
        while after is not None:
            answer = self.call("GET", path, params=given({"after": after}))
            yield from answer[noun]
            after = answer["next"]

    def _send(self, path: str, file: str | Path, told: Json) -> Json:
        with Path(file).open("rb") as source:
            return self.call("POST", path, data=told, files={"file": (Path(file).name, source)})

    def _save(self, path: str, file: str | Path, *, accept: str) -> Path:
        """Whole or not at all: a draft beside the target, then a rename."""
        target = Path(file)
        draft = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
        try:
            with self.http.stream("GET", path, headers={"Accept": accept}) as answer:
                if answer.is_error:
                    answer.read()
                raise_for(answer)
                with draft.open("wb") as out:
                    for chunk in answer.iter_bytes():
                        out.write(chunk)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return target


def address(*parts: str | int) -> str:
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def given(values: Json) -> Json:
    """Without what was not said."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def raise_for(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = {}
    status = answer.status_code
    said = error.get("message", f"The server answered {status}.")
    raise TracksideError(status, error.get("code", "error"), said, error.get("field", ""))
