"""What the tests of the Lab stand on: a dataset, machines, a finished model with its bundle."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from trackside.accounts.models import User
from trackside.compute.models import Gpu, Lease, Node
from trackside.datasets.models import Dataset, DatasetState, Picture
from trackside.jobs.models import Event, Job
from trackside.lab import services
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.projects.models import Project

GIB = 2**30
CLASSES = ("ants", "bees")
CATALOGUE = {
    "versions": {"torch": "2"},
    "cpu": {"cores": 4, "bf16": True},
    "torch_archs": ["sm_90"],
    "why_no_own_network": "",
    "backbones": [
        {
            "name": "efficientnet_lite0",
            "label": "EfficientNet-Lite0",
            "family": "EfficientNet",
            "parameters": 4_652_008,
            "features": 1280,
            "input": 224,
            "min_size": 32,
            "weights": "package",
            "accuracy": 75.5,
            "macs": 4e8,
            "activation": {"all": 90_000_000, "head": 9_000_000},
        },
        {
            "name": "resnet50",
            "label": "ResNet-50",
            "family": "ResNet",
            "parameters": 25_557_032,
            "features": 2048,
            "input": 224,
            "min_size": 32,
            "weights": "download",
            "accuracy": 80.9,
            "macs": 4.1e9,
            "activation": {"all": 180_000_000, "head": 18_000_000},
        },
    ],
}


def dataset(project: Project, user: User | None = None, name: str = "insects") -> Dataset:
    facts = {
        "layout": "split_class_folders",
        "classes": [{"name": "ants", "count": 120}, {"name": "bees", "count": 124}],
        "splits": {"train": 200, "val": 44},
        "images": 244,
        "left_out": 1,
        "problems": 1,
        "bytes": 10**7,
        "width": {"min": 200, "median": 500, "max": 900},
        "height": {"min": 200, "median": 400, "max": 900},
        "fingerprint": "f" * 64,
    }
    made = Dataset.objects.create(
        project=project,
        name=name,
        kind="images",
        state=DatasetState.READY,
        rows=244,
        fingerprint="f" * 64,
        facts=facts,
        folder=f"datasets/{name}",
        created_by=user,
    )
    Picture.objects.bulk_create(
        Picture(
            dataset=made,
            number=n,
            path=f"val/{CLASSES[n % 2]}/{n}.jpg",
            file=f"files/00/{n}.jpg",
            label=CLASSES[n % 2],
            split="val",
            width=500,
            height=400,
            bytes=1000,
        )
        for n in range(12)
    )
    return made


def node(name: str = "gpu-01", gpus: int = 0, **more: Any) -> Node:
    """Online, with so many free H100."""
    now = timezone.now()
    made = Node.objects.create(
        name=name,
        queue=f"node.{name}",
        heartbeat_at=now,
        registered_at=now,
        cores=8,
        memory_total=64 * GIB,
        memory_free=40 * GIB,
        warm=True,
        catalogue=CATALOGUE,
        **more,
    )
    for n in range(gpus):
        Gpu.objects.create(
            uuid=f"GPU-{name}-{n}",
            node=made,
            index=n,
            name="H100 80GB",
            memory_total=80 * GIB,
            memory_used=GIB // 2,
            utilization=0,
            temperature=34,
            power=70,
            history=[0, 1, 0],
            sampled_at=now,
        )
    return made


def no_gpu() -> Node:
    why = {"code": "no_device", "text": "no NVIDIA device on the PCI bus", "steps": ["Add one."]}
    return node("web-1", why_no_gpu=why)


def hold(gpu: str, project: Project, user: User) -> Job:
    """A running job of `user` holds the GPU."""
    from trackside.jobs import services as jobs

    job = jobs.submit(
        project=project,
        user=user,
        kind="train",
        title="Other training",
        spec={},
        compute={"kind": "gpus", "uuids": [gpu]},
    )
    assert Lease.objects.filter(resource=gpu).exists()
    return job


def analysis(project: Project, user: User | None, data: Dataset | None = None) -> Analysis:
    return services.create_analysis(project, user, "insect sorter", data or dataset(project, user))


def report() -> dict[str, Any]:
    curve = [[0.0, 0.0, 1.0], [0.1, 0.9, 0.5], [1.0, 1.0, 0.0]]
    precision = [[0.0, 1.0, 1.0], [0.9, 0.95, 0.5], [1.0, 0.5, 0.0]]
    per_class = [
        {
            "name": name,
            "precision": 0.95,
            "recall": 0.9,
            "f1": 0.92,
            "support": 22,
            "auc": 0.97,
            "ap": 0.96,
            "roc": curve,
            "pr": precision,
        }
        for name in CLASSES
    ]
    history = [
        {
            "epoch": n,
            "train_loss": 1 / n,
            "val_loss": 1.2 / n,
            "metrics": {"accuracy": 0.8 + n / 100, "f1": 0.7},
            "best": n < 4,
            "seconds": 2.5,
        }
        for n in range(1, 6)
    ]
    mistakes = [
        {"number": 2, "path": "val/ants/2.jpg", "true": "ants", "predicted": "bees", "proba": 0.99}
    ]
    return {
        "classes": list(CLASSES),
        "split": "val",
        "images": 44,
        "confusion": [[20, 2], [1, 21]],
        "per_class": per_class,
        "mistakes": mistakes,
        "history": history,
    }


def write_bundle(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report()))
    rows = [
        {
            "number": n,
            "path": f"val/{CLASSES[n % 2]}/{n}.jpg",
            "true": CLASSES[n % 2],
            "predicted": "bees" if n == 2 else CLASSES[n % 2],
            "probas": {"ants": 0.2, "bees": 0.8},
        }
        for n in range(12)
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


RESULT = {
    "metric": "accuracy",
    "score": 0.932,
    "metrics": {"accuracy": 0.932, "f1": 0.93, "log_loss": 0.2},
    "facts": {
        "device": "CPU",
        "precision": "fp32",
        "ranks": 2,
        "threads": 1,
        "seconds": 40.0,
        "energy_wh": None,
        "peak_memory": GIB,
        "rate": 120.0,
        "versions": {"torch": "2.9"},
        "images": {"train": 200, "val": 44},
        "parameters": 4_000_000,
        "trainable": 2562,
        "size": 18_000_000,
        "image_size": 224,
        "retrained": "head",
        "best_epoch": 3,
        "epochs": 5,
        "first_step": 1.5,
    },
}


def trained(session: Session) -> TrainedModel:
    """The session's first model as if its job had succeeded."""
    model = session.models.select_related("job").order_by("pk").first()
    assert model is not None
    assert model.job is not None
    write_bundle(Path(settings.TRACKSIDE_STORAGE) / f"models/job-{model.job_id}")
    attempt = model.job.attempts.first()
    services.publish_training(model.job, attempt or FakeAttempt(), dict(RESULT))  # type: ignore[arg-type]
    Lease.objects.filter(attempt__job=model.job).delete()
    now = timezone.now()
    Job.objects.filter(pk=model.job_id).update(
        state="succeeded", reason="Done.", finished_at=now, started_at=now - timedelta(minutes=1)
    )
    model.refresh_from_db()
    return model


class FakeAttempt:
    compute: dict[str, Any] = {}


def tell(job: int, type_: str, **data: Any) -> None:
    """One more event of a job's story."""
    from django.db.models import F

    Job.objects.filter(pk=job).update(event_seq=F("event_seq") + 1)
    seq = Job.objects.values_list("event_seq", flat=True).get(pk=job)
    Event.objects.create(job_id=job, seq=seq, at=timezone.now(), type=type_, data=data)
