"""The GPUs page before a fleet of three simulated nodes: what is wrong, who waits, who decides."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import LONG, Visitor, visiting
from tests.product import Product, running, until

pytestmark = [pytest.mark.browser, pytest.mark.process]

FLEET = "gpu-01:2xH100-80GB;gpu-02:4xA100-80GB,1xH100-80GB:3g.40gb+2g.20gb;cpu-01:none"
FOREIGN = 2  # of gpu-02, in the demo's faults


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("fleet") / "home"
    with running(home, TRACKSIDE_FLEET=FLEET) as one:
        yield one


@pytest.fixture(scope="module")
def user(browser: Browser, product: Product) -> Iterator[Visitor]:
    with visiting(browser, product) as one:
        one.sign_in()
        yield one


def nodes(product: Product) -> dict[str, Any]:
    with product.api() as api:
        return {one["name"]: one for one in api.get("/nodes").json()["nodes"]}


@pytest.fixture(scope="module")
def waiting(product: Product) -> list[int]:
    """Four trainings that want the GPU on which a stranger computes."""

    def there() -> bool:
        found = nodes(product)
        ready = api.get("/projects/DEMO/datasets/surface_defects").json().get("state") == "ready"
        full = [one for one in found.values() if one["gpus"]]
        return ready and len(found) == 3 and len(full) == 2

    with product.api() as api:
        until(there, "three nodes and the demo's pictures")
        stranger = nodes(product)["gpu-02"]["gpus"][FOREIGN]
        until(
            lambda: nodes(product)["gpu-02"]["gpus"][FOREIGN]["state"] == "foreign", "the stranger"
        )
        jobs = []
        for name in ("first", "second", "third", "fourth"):
            wish = {"kind": "gpus", "uuids": [stranger["uuid"]]}
            body = {"session_name": name, "compute": wish}
            answer = api.post("/projects/DEMO/analyses/defect classifier/train", json=body)
            assert answer.status_code == 201, answer.text
            jobs += answer.json()["jobs"]
    return jobs


def rows(user: Visitor) -> Locator:
    return user.page.locator("#queue > li")


def order(user: Visitor) -> list[str]:
    titles = user.page.locator('#queue [data-f="link"]').all_inner_texts()
    return [one.partition(", ")[0] for one in titles]


def until_order(user: Visitor, *names: str) -> None:
    until(lambda: order(user) == list(names), f"the order {names}, not {order(user)}")


def on_the_server(product: Product) -> list[str]:
    with product.api() as api:
        queue = api.get("/queue").json()["queue"]
    return [one["title"].partition(", ")[0] for one in queue]


def test_every_node_shows_its_cards_and_what_is_wrong_with_them(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    until(lambda: nodes(product)["gpu-02"]["libraries"], "its agent to tell its libraries")
    user.go("/gpus/")
    page = user.page
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for name in ("gpu-01", "gpu-02", "cpu-01"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    gpu_02 = page.locator('[data-node="gpu-02"]')
    expect(gpu_02.get_by_text("python (pid 48121) of mara holds 21.0 GiB.")).to_be_visible()
    said = "Out of service: The driver reported Xid 79: it has fallen off the bus."
    expect(gpu_02.get_by_text(said)).to_be_visible()
    expect(gpu_02.get_by_text("cut into 2 MIG slices")).to_be_visible()
    expect(page.locator('[data-node="cpu-01"]').get_by_text("No usable GPU")).to_be_visible()
    gpu_02.get_by_text("How its GPUs are connected").click()
    expect(gpu_02.get_by_role("cell", name="NV12").first).to_be_visible()
    gpu_02.get_by_text("Libraries").click()
    expect(gpu_02.get_by_role("listitem").filter(has_text="torchvision")).to_be_visible()
    expect(rows(user)).to_have_count(4)
    for row in rows(user).all():
        expect(row.locator('[data-f="reason"]')).to_contain_text("GPU 2")
    user.inspect("fleet")


def test_what_is_unfolded_stays_so_alone_when_the_nodes_are_fetched_anew(
    user: Visitor, product: Product
) -> None:
    until(lambda: nodes(product).get("gpu-02", {}).get("libraries"), "its libraries to be told")
    user.go("/gpus/")
    node, fleet = user.page.locator('[data-node="gpu-02"]'), user.page.locator("#fleet")
    node.get_by_text("Libraries").click()
    fleet.evaluate("one => { one.dataset.layout = 'another'; one.dataset.old = 'yes'; }")
    expect(user.page.locator("#fleet[data-old]")).to_have_count(0)
    expect(node.locator("details.libs")).to_have_attribute("open", "")
    expect(node.locator("details.links")).not_to_have_attribute("open", "")


def test_the_queue_is_reordered_by_keys_alone(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    user.go("/gpus/")
    until_order(user, "first", "second", "third", "fourth")
    third = user.page.locator("#queue > li", has_text="third")
    grip = third.get_by_role("button", name=re.compile("^Move .*third"))
    grip.focus()
    user.page.keyboard.press("ArrowUp")
    until_order(user, "first", "third", "second", "fourth")
    expect(user.page.locator("#said")).to_contain_text(re.compile("^third, .* is number 2 now"))
    expect(grip).to_be_focused()
    user.page.keyboard.press("Home")
    until_order(user, "third", "first", "second", "fourth")
    user.page.keyboard.press("End")
    until_order(user, "first", "second", "fourth", "third")
    expect(grip).to_be_focused()
    until(lambda: on_the_server(product) == order(user), "the server to agree")


def test_the_queue_is_reordered_by_dragging_and_by_buttons(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    user.go("/gpus/")
    until_order(user, "first", "second", "fourth", "third")
    rows(user).nth(3).drag_to(rows(user).nth(0), target_position={"x": 60, "y": 3})
    until_order(user, "third", "first", "second", "fourth")
    rows(user).nth(0).get_by_role("button", name=re.compile("^Down")).click()
    until_order(user, "first", "third", "second", "fourth")
    until(lambda: on_the_server(product) == order(user), "the server to agree")


def test_a_finger_drags_a_job_by_its_grip(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    user.page.set_viewport_size({"width": 390, "height": 844})
    user.go("/gpus/")
    user.page.get_by_role("link", name="4 jobs waiting").click()
    before = order(user)
    rows(user).nth(2).locator('[data-f="grip"]').click(trial=True)  # it stands still
    grip = rows(user).nth(2).locator('[data-f="grip"]').bounding_box()
    first = rows(user).nth(0).bounding_box()
    assert grip
    assert first
    finger = user.page.context.new_cdp_session(user.page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(what: str, *y: float) -> None:
        points = [{"x": grip["x"] + 8, "y": one} for one in y]
        finger.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": points})

    touch("touchStart", grip["y"] + 8)
    touch("touchMove", first["y"] + 40)
    touch("touchMove", first["y"] + 4)
    touch("touchEnd")
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    wanted = [before[2], before[0], before[1], before[3]]
    until_order(user, *wanted)
    until(lambda: on_the_server(product) == wanted, "the server to agree")
    user.page.set_viewport_size({"width": 1440, "height": 900})


def test_a_priority_is_given_in_the_jobs_dialog(user: Visitor, waiting: list[int]) -> None:
    user.go("/gpus/")
    rows(user).nth(3).get_by_role("button", name=re.compile("^Change")).click()
    dialog = user.page.get_by_role("dialog")
    dialog.get_by_label("Priority", exact=True).fill("7")
    dialog.get_by_text("These GPUs").click()
    user.inspect("fleet_change")
    dialog.get_by_role("button", name="Set priority").click()
    expect(user.page.get_by_role("dialog")).to_have_count(0)
    until(lambda: order(user)[0] == "fourth", "the urgent one to be first")
    expect(rows(user).nth(0).get_by_text("priority 7")).to_be_visible()


def test_a_waiting_job_moved_to_a_free_gpu_starts_there(user: Visitor, waiting: list[int]) -> None:
    user.go("/gpus/")
    before = order(user)
    rows(user).nth(0).get_by_role("button", name=re.compile("^Change")).click()
    dialog = user.page.get_by_role("dialog")
    dialog.get_by_text("These GPUs").click()
    for box in dialog.locator(".pick input:checked").all():
        box.uncheck()
    dialog.get_by_role("button", name="Move it there").click()
    expect(dialog.get_by_role("alert")).to_be_visible()  # to nowhere: says so and stays open
    dialog.locator(".pick").nth(1).click()
    dialog.get_by_role("button", name="Move it there").click()
    expect(user.page.get_by_role("dialog")).to_have_count(0)
    until(lambda: order(user) == before[1:], "it to leave the queue")
    tile = user.page.locator('[data-node="gpu-01"] [data-gpu]').nth(1)
    expect(tile).to_contain_text("fourth", timeout=LONG)


def test_a_node_is_drained_with_a_reason_and_brought_back(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    user.go("/gpus/")
    user.page.get_by_role("button", name="Drain… cpu-01").click()
    dialog = user.page.get_by_role("dialog", name="Drain cpu-01")
    dialog.get_by_label("Why").fill("new memory")
    user.inspect("fleet_drain")
    dialog.get_by_role("button", name="Drain", exact=True).click()
    box = user.page.locator('[data-node="cpu-01"]')
    expect(box.get_by_text("Draining: no new job starts here.")).to_be_visible()
    expect(box).to_contain_text("new memory")
    assert nodes(product)["cpu-01"]["state"] == "draining"
    box.get_by_role("button", name="Bring back").click()
    expect(user.page.locator('[data-node="cpu-01"]').get_by_text("Online")).to_be_visible()


def test_what_happens_elsewhere_is_seen_without_a_reload(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    user.go("/gpus/")
    user.page.evaluate("window.same = true")
    with product.api() as api:
        assert api.post("/nodes/gpu-01/drain", json={"note": "from afar"}).status_code == 200
        box = user.page.locator('[data-node="gpu-01"]')
        expect(box).to_contain_text("from afar", timeout=LONG)
        expect(user.page.locator("#fleet-count")).to_contain_text("more where no job may begin")
        api.post("/nodes/gpu-01/undrain", json={})
        expect(box).not_to_contain_text("from afar", timeout=LONG)
    assert user.page.evaluate("window.same") is True


def test_a_mended_card_is_put_back_in_service(
    user: Visitor, product: Product, waiting: list[int]
) -> None:
    file = product.home / "faults.json"
    faults = json.loads(file.read_text())
    del faults["gpu-02"]["3"]
    file.write_text(json.dumps(faults))
    user.go("/gpus/")
    tile = user.page.locator('[data-node="gpu-02"] [data-tile]').nth(3)
    expect(tile).to_contain_text("Out of service")
    until(lambda: nodes(product)["gpu-02"]["gpus"][3]["errors"] == {}, "a sound sample")
    tile.get_by_role("button", name="Back in service").click()
    expect(user.page.get_by_text("GPU 3 of gpu-02 is in service again.")).to_be_visible()
    tile = user.page.locator('[data-node="gpu-02"] [data-tile]').nth(3)
    expect(tile).not_to_contain_text("Out of service")
    expect(tile).to_contain_text("Free")


def test_what_was_used_is_shown_and_downloaded(user: Visitor, product: Product) -> None:
    def counted() -> bool:
        with product.api() as api:
            return bool(api.get("/usage").json()["total"]["gpu_hours"])

    until(counted, "the first minute to be settled")
    user.go("/gpus/usage/")
    expect(user.page.get_by_role("row", name=re.compile("Surface defects"))).to_be_visible()
    user.inspect("usage")
    user.page.get_by_label("By").select_option("day")
    user.page.wait_for_url(re.compile("by=day"))
    with user.page.expect_download() as download:
        user.page.get_by_role("link", name="CSV").click()
    head = download.value.path().read_text().splitlines()[0]
    assert head.startswith("day,simulated,gpu_hours,used_hours")


def test_a_quota_is_set_and_removed(user: Visitor) -> None:
    user.go("/gpus/quotas/")
    page = user.page
    page.get_by_label("Project", exact=True).select_option("DEMO")
    page.locator("#q-project-gpus").fill("3")
    page.get_by_role("button", name="Set for the project").click()
    row = page.get_by_role("row", name=re.compile("Surface defects"))
    expect(row).to_be_visible()
    user.inspect("quotas")
    row.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_text("The limit is taken away.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Surface defects"))).to_have_count(0)
