"""An organizer calls a festival off."""

import datetime as dt
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.steps import (
    buy,
    looks_right,
    sign_up,
    stored_event,
)


def test_a_cancelled_festival_is_confirmed_by_its_title_and_shows_its_progress(visit: Callable[[], Page]) -> None:
    nora, ada = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Blown Away", date=dt.date(2031, 7, 4).isoformat())
    buy(ada, "Ada Moss", event_id)
    nora.goto(f"/projects/{event_id}")
    nora.get_by_role("link", name="Cancel the event").click()
    nora.get_by_label("Why").fill("A storm is coming")
    nora.get_by_label("Type the title to confirm").fill("Blown")
    looks_right(nora)
    nora.get_by_role("button", name="Cancel the event for good").click()
    expect(nora.get_by_text("must be the title of the event")).to_be_visible()
    expect(nora.get_by_label("Why")).to_have_value("A storm is coming")
    looks_right(nora)
    nora.get_by_label("Type the title to confirm").fill("Blown Away")
    nora.get_by_role("button", name="Cancel the event for good").click()
    expect(nora.get_by_text("Cancelled because: A storm is coming")).to_be_visible()
    nora.goto("/dashboard")  # the work goes on without anybody looking
    nora.goto(f"/projects/{event_id}/cancellation")
    expect(nora.get_by_text("1 ticket is cancelled")).to_be_visible(timeout=60_000)
    looks_right(nora)
