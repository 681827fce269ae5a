"""Versions: numbered, one of them active at any time, and their bundles as tars."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.web.world import bundle
from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.projects.models import Member, Project, Role
from trackside.saved_models import bundles, services
from trackside.saved_models.models import SavedModel, Version


def saved(project: Project) -> SavedModel:
    return services.create(project, None, "sorter", "image_classification")


def publish(model: SavedModel, *, active: bool = True, score: float = 0.9) -> Version:
    number = model.versions.count() + 1
    done = services.Trained(
        bundle=bundle(f"models/{model.pk}-{number}"), metric="accuracy", metrics={"accuracy": score}
    )
    return services.publish_version(model, done, user=None, active=active)


def active(model: SavedModel) -> list[int]:
    return list(model.versions.filter(active=True).values_list("number", flat=True))


class OneActive(TestCase):
    @how(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.sampled_from(["publish", "quiet", "activate", "delete"]),
                              st.integers(0, 9)), max_size=12))  # fmt: skip
    def test_one_version_is_active_whatever_happens(self, acts: list[tuple[str, int]]) -> None:
        model = saved(Project.objects.create(key="P", name="P"))
        for act, which in acts:
            self._do(model, act, which)
            assert len(active(model)) == bool(model.versions.count())

    def _do(self, model: SavedModel, act: str, which: int) -> None:
        versions = list(model.versions.order_by("number"))
        if act in ("publish", "quiet"):
            done = services.Trained(bundle=f"models/none-{len(versions)}", metric="accuracy")
            services.publish_version(model, done, user=None, active=act == "publish")
        elif versions and act == "activate":
            services.activate(versions[which % len(versions)])
        elif versions:
            one = versions[which % len(versions)]
            if one.active:
                with pytest.raises(services.Refused):
                    services.delete_version(one)
            else:
                services.delete_version(one)


def test_the_database_itself_refuses_two_active_versions(project: Project) -> None:
    model = saved(project)
    publish(model)
    second = publish(model, active=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.filter(pk=second.pk).update(active=True)


def test_the_first_version_is_active_even_when_it_was_not_asked_to_be(project: Project) -> None:
    model = saved(project)
    publish(model, active=False)
    publish(model, active=False)
    assert active(model) == [1]


def test_a_deleted_version_takes_its_bundle_along(
    project: Project, django_capture_on_commit_callbacks: Any
) -> None:
    model = saved(project)
    first = publish(model)
    publish(model)
    folder = bundles.folder(first)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_version(first)
    assert not folder.exists()


@pytest.mark.parametrize("shape", ["bundle", "bundles", "goes_on_from"])
def test_a_version_stays_while_a_job_reads_its_bundle(project: Project, shape: str) -> None:
    model = saved(project)
    first = publish(model)
    publish(model)
    place = str(bundles.folder(first))
    spec = {shape: {"bundles": [place], "goes_on_from": {"bundle": place}}.get(shape, place)}
    job = Job.objects.create(project=project, kind="score", title="Score", spec=spec, compute={})
    with pytest.raises(services.Refused, match=f"job {job.pk} .* reads it"):
        services.delete_version(first)
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    services.delete_version(first)
    assert active(model) == [2]


def test_the_tar_is_whole_and_tells_no_path_of_ours(project: Project) -> None:
    version = publish(saved(project))
    (bundles.folder(version) / "link").symlink_to("/etc/passwd")
    data = b"".join(bundles.tar(version))
    assert len(data) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        assert [one.name for one in members] == ["bundle/model.json", "bundle/weights.safetensors"]
        weights = archive.extractfile("bundle/weights.safetensors")
        assert weights is not None
        assert weights.read() == b"w" * 5000
    assert str(settings.TRACKSIDE_STORAGE).encode() not in data


def test_rolling_back_downloading_and_deleting_on_the_page(
    project: Project, as_ben: Client, as_cleo: Client, as_dan: Client
) -> None:
    model = saved(project)
    publish(model, score=0.8)
    publish(model, score=0.9)
    there = "/p/INSECTS/models/sorter/"
    assert "90.0 %" in as_cleo.get(there).content.decode()
    assert as_cleo.post(f"{there}versions/1/activate/").status_code == 403
    as_ben.post(f"{there}versions/1/activate/")
    assert active(model) == [1]
    assert 'name="of" value="sorter:2"' in as_cleo.get(there).content.decode()
    tar = as_cleo.get(f"{there}versions/1/bundle.tar")
    assert tar["Content-Disposition"] == 'attachment; filename="sorter_v1.tar"'
    assert len(b"".join(tar.streaming_content)) > 5000
    as_ben.post(f"{there}versions/1/delete/")
    assert model.versions.count() == 2
    as_ben.post(f"{there}versions/2/delete/")
    assert model.versions.count() == 1
    for address in (there, f"{there}versions/1/bundle.tar", "/p/INSECTS/models/"):
        assert as_dan.get(address).status_code == 404


def test_the_list_says_what_to_do_when_there_is_none(project: Project, as_ada: Client) -> None:
    assert "Train models in the Lab" in as_ada.get("/p/INSECTS/models/").content.decode()


def test_a_bundle_that_is_gone_is_said_to_be(project: Project, ada: User, as_ada: Client) -> None:
    version = publish(saved(project))
    (Path(settings.TRACKSIDE_STORAGE) / version.bundle / "model.json").unlink()
    assert Member.objects.filter(user=ada, role=Role.OWNER).exists()
    assert as_ada.get("/p/INSECTS/models/sorter/versions/1/bundle.tar").status_code == 404
