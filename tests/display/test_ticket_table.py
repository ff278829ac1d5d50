"""A table of tickets: links to the CRM, cards on a phone, nothing of a customer's that could be markup."""

from __future__ import annotations

import re
from datetime import datetime

import pandas as pd

from opslib import locales
from opslib.display import words
from opslib.display.ticket_table import WHOLE, ticket_table
from opslib.weekly.pages.safe_html import clean_output

URL = "https://crm.example/t/{ticket_id}"
PSEUDONYM = "p0123456789abcdef0123"


def table(url: str | None = URL) -> str:
    rows = pd.DataFrame(
        {
            "ticket_id": ["a/1", PSEUDONYM],
            "over_seconds": [5400.0, float("nan")],
            "age_days": [2.25, 0.5],
            "priority": ["high", None],
            "queue": ["<b>billing</b>", "care"],
            "channel": pd.Series([None, None], dtype="str"),
            "contact_reason": ["refund", "refund"],
            "due_at": pd.to_datetime(["2026-11-09T23:30:00Z", None], utc=True),
            "status": ["open", "pending"],
            "owner": [None, "p99"],
        }
    )
    return ticket_table("Late: 2", rows, time_zone="America/New_York", ticket_url=url, columns=WHOLE).html


def test_ids_link_to_the_crm_but_pseudonyms_do_not():
    assert re.findall(r'href="([^"]*)"', table()) == ["https://crm.example/t/a%2F1"]
    assert PSEUDONYM in table()
    assert "href" not in table(None)


def test_cells_say_what_they_are_and_a_column_without_a_value_is_left_out():
    html = table()
    assert "Channel" not in html
    assert "&lt;b&gt;billing&lt;/b&gt;" in html
    assert f'data-label="Over by" class="num">{words.value(5400, "seconds")}<' in html
    assert f'data-label="Due">{words.day("2026-11-09")}, {locales.time_of_day(datetime(2026, 11, 9, 18, 30))}<' in html


def test_on_a_report_only_links_to_the_tickets_of_the_crm_leave_the_page():
    hostile = table().replace("refund", '<a href="https://evil.example/">refund</a>')
    safe = clean_output(hostile, section="s", ticket_root="https://crm.example/t/")
    assert re.findall(r'href="([^"]*)"', safe) == ["https://crm.example/t/a%2F1"]
    assert "href" not in clean_output(hostile, section="s")
    assert safe.count('role="row"') == 3
