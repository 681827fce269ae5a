"""Tables at a browser: uploaded or read from a database, looked at, a type corrected."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.conftest import LONG, Visitor
from tests.web.shops import shop

pytestmark = [pytest.mark.browser, pytest.mark.process]
HERE = "/p/PEOPLE/datasets/people/"
ROWS = 4000


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A semicolon between values, one ragged line, some values missing."""
    path = tmp_path_factory.mktemp("table") / "people.csv"
    lines = [f"{n};{n % 90 or 'NA'};{n / 8};city {n % 5};<b>{n}" for n in range(ROWS)]
    lines.insert(16, "ragged;line")
    path.write_text("number;age;fare;city;name\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def test_a_table_is_uploaded_and_its_last_row_is_seen(user: Visitor, people: Path) -> None:
    page = user.page
    with user.product.api() as api:
        assert api.post("/projects", json={"key": "PEOPLE", "name": "People"}).status_code == 201
    user.go("/p/PEOPLE/upload/")
    page.get_by_text("Advanced").click()
    user.inspect("table_new")
    page.locator("input[type=file]").set_input_files(people)
    page.get_by_label("Delimiter").select_option(";")
    page.locator("#go").click()
    page.wait_for_url(re.compile(HERE), timeout=LONG)
    expect(page.get_by_role("cell", name="<b>0", exact=True)).to_be_visible(timeout=LONG)
    expect(page.get_by_role("columnheader", name="fare")).to_be_visible()
    expect(page.get_by_role("cell", name="missing").first).to_be_visible()
    user.inspect("table_rows")
    page.locator("#sheet").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("cell", name=f"<b>{ROWS - 1}", exact=True)).to_be_visible()
    page.get_by_label("Go to row").fill("2001")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="<b>2000", exact=True)).to_be_visible()


def test_what_was_left_out_is_listed_with_its_line(user: Visitor) -> None:
    user.go(f"{HERE}?tab=problems")
    expect(user.page.get_by_role("rowheader", name="line 18")).to_be_visible()
    user.inspect("table_problems")


def test_a_corrected_type_is_read_from_the_same_file(user: Visitor) -> None:
    page = user.page
    user.go(f"{HERE}?tab=columns")
    user.inspect("table_columns")
    page.get_by_label("Type of number").select_option("text")
    expect(page.get_by_text("1 type to correct: number")).to_be_visible()
    page.get_by_role("link", name="Which texts are missing values in age").click()
    page.keyboard.type("89")
    expect(page.get_by_label("Other texts in single columns")).to_have_value("age: 89")
    user.follow(page.get_by_role("button", name="Apply"))
    expect(page.get_by_text(re.compile("Ready")).first).to_be_visible(timeout=LONG)
    user.go(f"{HERE}?tab=columns")
    expect(page.get_by_label("Type of number")).to_have_value("text")
    expect(page.get_by_text("corrected")).to_be_visible()
    expect(page.get_by_text("; others in age")).to_be_visible()
    expect(page.get_by_label("Type of age")).to_have_value("text")  # NA is a word there now


def test_a_connection_says_what_is_wrong_and_then_works(user: Visitor, database: Path) -> None:
    page = user.page
    user.go("/connections/")
    user.inspect("connections_none")
    user.follow("New connection")
    user.inspect("connection_new")
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_text("SQLite", exact=True).click()
    expect(page.get_by_label("Host")).to_be_hidden()
    page.get_by_label("Database", exact=True).fill(f"{database}.gone")
    page.get_by_label("All projects may use it").check()
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("It does not work, and is not saved.")).to_be_visible()
    user.inspect("connection_wrong")
    page.get_by_label("Database", exact=True).fill(str(database))
    signed_in = page.context.cookies()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.get_by_label("Database", exact=True)).to_have_value(str(database))
    page.context.add_cookies(cast(Any, signed_in))
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    user.inspect("connections")


def test_a_table_of_a_database_is_looked_at_and_read(user: Visitor) -> None:
    page = user.page
    user.go("/p/PEOPLE/datasets/")
    user.follow("From a database")
    page.get_by_text("A query", exact=True).click()
    page.get_by_label("One SELECT").fill("DROP VIEW cheap")
    page.get_by_role("button", name="Show the first rows").click()
    expect(page.get_by_text("Write one SELECT")).to_be_visible()
    user.inspect("database_refused")
    page.get_by_text("A table", exact=True).click()
    page.get_by_text("or ders%", exact=True).click()
    expect(page.get_by_role("columnheader", name="price")).to_be_visible()
    user.inspect("database_table")
    page.get_by_label("Name of the dataset").fill("orders")
    user.follow(page.get_by_role("button", name="Import"))
    expect(page.get_by_role("cell", name="<b>1</b>", exact=True)).to_be_visible(timeout=LONG)
    user.follow(page.get_by_role("button", name="Read again"))
    expect(page.get_by_role("cell", name="<b>1</b>", exact=True)).to_be_visible(timeout=LONG)
    user.go("/p/PEOPLE/datasets/orders/?tab=columns")
    expect(page.get_by_text("main.or ders%")).to_be_visible()
    user.inspect("database_columns")
