"""Pictures of a draft and of an event: chosen, dropped, refused, sent again, put in order, taken away."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from e2e.steps import (
    HeldBack,
    accessible,
    add_picture,
    begin,
    cut,
    fits,
    heard,
    listen,
    poster,
    scriptless,
    sign_up,
    stored_event,
)

MOST_BYTES = 10 * 1024 * 1024
REFUSALS = [
    "notes.txt is not a JPEG, PNG or WebP picture",
    "broken.jpg is broken and cannot be read",
    "huge.jpg is larger than 10 MiB",
]
with_javascript = pytest.mark.parametrize(
    "visit", [("phone", True), ("desktop", True)], ids=["phone", "desktop"], indirect=True
)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two good pictures between three files that are none."""
    good, drawn = io.BytesIO(), io.BytesIO()
    Image.effect_noise((640, 480), 80).save(good, "JPEG")
    Image.new("RGB", (640, 480), "teal").save(drawn, "PNG")
    folder = tmp_path_factory.mktemp("chosen")
    contents = {
        "notes.txt": b"Bring lanterns.",
        "good1.jpg": good.getvalue(),
        "broken.jpg": good.getvalue()[: len(good.getvalue()) // 4],
        "huge.jpg": good.getvalue() + bytes(MOST_BYTES),
        "good2.png": drawn.getvalue(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def open_draft_pictures(page: Page) -> None:
    begin(page, "Paper Boats")
    page.goto(page.url.replace("basics", "media"))


def open_event_pictures(page: Page) -> None:
    page.goto(f"/projects/{stored_event(page)}/media")


either_place = pytest.mark.parametrize(
    "open_pictures", [open_draft_pictures, open_event_pictures], ids=["draft", "event"]
)


def organizer(visit: Callable[[], Page]) -> Page:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    return page


def thumbs(page: Page) -> Locator:
    return page.locator(".thumb")


def files_told_of(page: Page) -> Locator:
    return page.get_by_role("list", name="Chosen files").get_by_role("listitem")


def describe(page: Page, *descriptions: str) -> None:
    """Adds one picture for each."""
    for place, description in enumerate(descriptions):
        add_picture(page)
        expect(thumbs(page)).to_have_count(place + 1)
        thumbs(page).nth(place).get_by_label("What it shows").fill(description)
        page.keyboard.press("Tab")
        expect(thumbs(page).nth(place).locator("img")).to_have_attribute("alt", description)


def described(page: Page, *descriptions: str) -> None:
    expect(thumbs(page)).to_have_count(len(descriptions))
    for place, description in enumerate(descriptions):
        expect(thumbs(page).nth(place).get_by_label("What it shows")).to_have_value(description)


def drag(page: Page, one: Locator, to: Locator) -> None:
    """Begun before the page scrolls to where it goes, as a hand does it."""
    one.hover()
    page.mouse.down()
    one.hover(position={"x": 20, "y": 20})
    to.hover()
    page.mouse.up()


def drag_files(page: Page, to: Locator, files: list[Path]) -> None:
    """Drops them as from the desktop of the machine, where a page that does not care is left for the file."""
    to.scroll_into_view_if_needed()
    box = to.bounding_box()
    assert box
    browser = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        browser.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


@contextmanager
def slow_uploads(page: Page) -> Iterator[None]:
    browser = page.context.new_cdp_session(page)
    as_ever = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.send("Network.emulateNetworkConditions", {**as_ever, "uploadThroughput": 50_000})
    yield
    browser.send("Network.emulateNetworkConditions", as_ever)


@either_place
def test_each_file_that_is_refused_is_named_until_the_next_choice(
    visit: Callable[[], Page], chosen: list[Path], open_pictures: Callable[[Page], None]
) -> None:
    page = organizer(visit)
    open_pictures(page)
    there = thumbs(page).count()
    page.get_by_label("Add pictures").set_input_files(chosen)
    if page.context in scriptless:
        page.get_by_role("button", name="Upload").click()
        for refusal in REFUSALS:
            expect(page.locator("#images-error")).to_contain_text(refusal)
        expect(thumbs(page)).to_have_count(there + 2)
        return
    expect(thumbs(page)).to_have_count(there + 2, timeout=30_000)
    expect(files_told_of(page)).to_have_text([re.compile(refusal) for refusal in REFUSALS])
    expect(page.get_by_role("list", name="Chosen files")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#images-error")).to_be_hidden()
    accessible(page)
    fits(page)
    thumbs(page).last.get_by_role("button", name="Earlier").click()
    expect(files_told_of(page)).to_have_count(3)
    page.get_by_label("Add pictures").set_input_files(poster())
    expect(thumbs(page)).to_have_count(there + 3, timeout=30_000)
    expect(files_told_of(page)).to_have_count(0)


@with_javascript
@either_place
def test_a_file_that_could_not_be_sent_is_told_of_until_it_is_sent_again(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None]
) -> None:
    page = organizer(visit)
    open_pictures(page)
    there = thumbs(page).count()
    page.route(re.compile("/(pictures|media)$"), lambda route: route.fulfill(status=409, body="gone"))
    page.get_by_label("Add pictures").set_input_files(poster())
    expect(files_told_of(page)).to_have_text(["poster.jpg could not be sent; please try again."])
    accessible(page)
    page.unroute_all()
    page.get_by_label("Add pictures").set_input_files(poster())
    expect(thumbs(page)).to_have_count(there + 1, timeout=30_000)
    expect(files_told_of(page)).to_have_count(0)


@pytest.mark.parametrize("visit", [("phone", True)], ids=["phone"], indirect=True)
def test_a_file_too_many_for_now_is_told_how_long_to_wait(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    open_event_pictures(page)
    while page.request.post(page.url, multipart={"nothing": ""}).status != 429:
        pass
    page.get_by_label("Add pictures").set_input_files(poster())
    expect(files_told_of(page)).to_have_text([re.compile(r"poster.jpg At most 100 in 15 minutes. Try again in \d+")])
    accessible(page)
    fits(page)


@with_javascript
def test_a_description_that_was_not_kept_is_asked_about_before_one_goes_on(visit: Callable[[], Page]) -> None:
    page, asked, words = organizer(visit), [], "A lake " * 80
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    open_draft_pictures(page)
    add_picture(page)
    here, shows = page.url, page.get_by_label("What it shows")
    shows.fill(words)
    shows.blur()
    expect(page.get_by_text("must have at most 500 characters")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    assert (asked, page.url) == (["beforeunload"], here)
    expect(shows).to_have_value(words)
    shows.fill("A lake")
    with page.expect_response(re.compile(r"/pictures/\d+$")):
        shows.blur()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/details")
    assert asked == ["beforeunload"]


@with_javascript
def test_each_of_several_descriptions_that_was_not_kept_is_asked_about(visit: Callable[[], Page]) -> None:
    page, asked, words = organizer(visit), [], "A lake " * 80
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    open_draft_pictures(page)
    for count in (1, 2):
        add_picture(page)
        expect(thumbs(page)).to_have_count(count)
    complaints = page.get_by_text("must have at most 500 characters")
    for number in (0, 1):
        page.get_by_label("What it shows").nth(number).fill(words)
        page.get_by_label("What it shows").nth(number).blur()
        expect(complaints).to_have_count(number + 1)
    page.get_by_label("What it shows").first.fill("A lake")
    page.get_by_label("What it shows").first.blur()
    expect(complaints).to_have_count(1)
    go_on = page.get_by_role("button", name="Continue")
    go_on.click()
    assert asked == ["beforeunload"]
    with page.expect_response(re.compile(r"/pictures/\d+$")):
        page.get_by_role("button", name="Later").first.click()
    go_on.click()
    assert asked == ["beforeunload"] * 2
    page.get_by_text("Remove").first.click()
    page.get_by_role("button", name="Remove it for good").first.click()
    expect(thumbs(page)).to_have_count(1)
    go_on.click()
    page.wait_for_url("**/details")
    assert asked == ["beforeunload"] * 2


@with_javascript
def test_every_crop_keeps_in_view_what_was_marked(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    event_id = stored_event(page, title="Tall Poster")
    page.goto(f"/projects/{event_id}/media")
    page.get_by_label("Add pictures").set_input_files(poster())
    with page.expect_response(re.compile(r"/media/\d+$")):
        thumbs(page).locator(".pick img").click(position={"x": 5, "y": 5})
    here = f"/events/{event_id}"
    crops = [crop_of(page, here, ".hero img"), crop_of(page, "/?q=tall+poster", f".card:has([href='{here}']) img")]
    assert crops == [("cover", "0% 0%")] * 2


def crop_of(page: Page, path: str, picture: str) -> tuple[str, str]:
    page.goto(path)
    fit, point = page.locator(picture).evaluate(
        "(picture) => { const { objectFit, objectPosition } = getComputedStyle(picture);"
        " return [objectFit, objectPosition]; }"
    )
    return fit, point


@with_javascript
def test_how_far_each_file_is_can_be_seen(visit: Callable[[], Page], chosen: list[Path]) -> None:
    page = organizer(visit)
    open_draft_pictures(page)
    with slow_uploads(page):
        page.get_by_label("Add pictures").set_input_files(chosen[1])
        expect(files_told_of(page)).to_have_text(["good1.jpg"])
        expect(page.get_by_role("progressbar", name="good1.jpg")).to_be_visible()
        page.wait_for_function(
            "() => { const { value } = document.querySelector('progress'); return value > 0 && value < 1; }"
        )
        accessible(page)
    expect(thumbs(page)).to_have_count(1, timeout=30_000)
    expect(files_told_of(page)).to_have_count(0)


@with_javascript
def test_files_are_dropped_onto_the_zone_and_those_that_miss_it_are_caught(
    visit: Callable[[], Page], chosen: list[Path]
) -> None:
    page = organizer(visit)
    open_draft_pictures(page)
    address = page.url
    good = [path for path in chosen if path.name.startswith("good")]
    drag_files(page, page.get_by_label("Add pictures"), good)
    expect(thumbs(page)).to_have_count(2, timeout=30_000)
    drag_files(page, page.get_by_role("heading", level=1), good[:1])
    expect(thumbs(page)).to_have_count(3, timeout=30_000)
    expect(page).to_have_url(address)
    assert len(page.context.pages) == 1  # a file that nobody takes is opened beside
    page.goto(address.replace("media", "basics"))
    page.evaluate("addEventListener('drop', (event) => { document.title = event.defaultPrevented; })")
    drag_files(page, page.get_by_role("heading", level=1), good[:1])
    expect(page).to_have_title("true")


@with_javascript
def test_pictures_are_put_in_order_by_the_mouse(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    open_draft_pictures(page)
    describe(page, "A lake", "Lime trees", "Paper lanterns")
    drag(page, thumbs(page).nth(2).locator(".pick"), thumbs(page).nth(0).locator(".pick"))
    described(page, "Paper lanterns", "A lake", "Lime trees")
    page.reload()
    described(page, "Paper lanterns", "A lake", "Lime trees")


def settled(page: Page) -> None:
    """What has just come is bound to htmx a moment later; until then its buttons lead to whole pages."""
    expect(page.locator(".htmx-added, .htmx-settling")).to_have_count(0)


@with_javascript
def test_pictures_are_put_in_order_and_removed_by_keys_and_focus_stays_near(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    open_draft_pictures(page)
    describe(page, "A lake", "Lime trees", "Paper lanterns")
    listen(page)

    def press(place: int, button: str) -> None:
        settled(page)
        thumbs(page).nth(place).get_by_role("button", name=button).focus()
        page.keyboard.press("Enter")

    def remove(place: int) -> None:
        settled(page)
        thumbs(page).nth(place).locator("summary").focus()
        for key in ("Enter", "Tab", "Enter"):
            page.keyboard.press(key)

    press(2, "Earlier: picture 3")
    described(page, "A lake", "Paper lanterns", "Lime trees")
    heard(page, "Saved: picture 2 of 3.")
    expect(thumbs(page).nth(1).get_by_role("button", name="Earlier")).to_be_focused()
    settled(page)
    page.keyboard.press("Enter")
    described(page, "Paper lanterns", "A lake", "Lime trees")
    expect(thumbs(page).nth(0).get_by_role("button", name="Later")).to_be_focused()
    press(1, "Later")
    described(page, "Paper lanterns", "Lime trees", "A lake")
    expect(thumbs(page).nth(2).get_by_role("button", name="Earlier")).to_be_focused()
    remove(0)
    described(page, "Lime trees", "A lake")
    heard(page, "2 pictures now.")
    expect(thumbs(page).nth(0).locator("summary")).to_be_focused()
    remove(1)
    described(page, "Lime trees")
    expect(thumbs(page).nth(0).locator("summary")).to_be_focused()
    remove(0)
    expect(thumbs(page)).to_have_count(0)
    expect(page.get_by_label("Add pictures")).to_be_focused()


def test_a_description_that_is_too_long_is_refused_beside_its_picture(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    open_draft_pictures(page)
    add_picture(page)
    if page.context in scriptless:
        assert "Save what you typed beside a picture before you go on." in page.locator("main").inner_text()
    words = page.get_by_label("What it shows")
    words.fill("A lake " * 72)
    words.press("Enter" if page.context in scriptless else "Tab")
    expect(thumbs(page).get_by_text("must have at most 500 characters")).to_be_visible()
    expect(words).to_have_value("A lake " * 72)
    expect(words).to_have_attribute("aria-invalid", "true")
    accessible(page)
    words.fill("A lake")
    words.press("Enter" if page.context in scriptless else "Tab")
    expect(thumbs(page).locator("img")).to_have_attribute("alt", "A lake")
    expect(thumbs(page).get_by_text("must have at most 500 characters")).to_have_count(0)
    expect(words).not_to_have_attribute("aria-invalid", "true")


@with_javascript
def test_a_description_that_is_not_kept_yet_is_not_left_behind_unasked(visit: Callable[[], Page]) -> None:
    page = organizer(visit)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    open_draft_pictures(page)
    describe(page, "A lake")
    page.reload()
    assert asked == []
    page.get_by_label("What it shows").press("End")
    page.keyboard.type(" at dawn")
    page.get_by_label("Add pictures").set_input_files(poster())  # which brings the list anew
    expect(thumbs(page)).to_have_count(2)
    page.reload()
    assert asked == ["beforeunload"]
    words = page.get_by_label("What it shows").first
    words.press("End")
    page.keyboard.type(" at noon")
    page.get_by_label("Add pictures").set_input_files(poster())
    expect(thumbs(page)).to_have_count(3)
    words.press("Enter")
    expect(thumbs(page).first.locator("img")).to_have_attribute("alt", "A lake at noon")
    expect(words).to_be_focused()
    page.reload()
    assert asked == ["beforeunload"]
    expect(words).to_have_value("A lake at noon")


def pressed(page: Page, place: int, button: str) -> None:
    """And on its way."""
    with page.expect_request(lambda request: request.method == "POST"):
        thumbs(page).nth(place).get_by_role("button", name=button).click()


def three_described(visit: Callable[[], Page], open_pictures: Callable[[Page], None]) -> Page:
    page = organizer(visit)
    open_pictures(page)
    describe(page, "A lake", "Lime trees", "Paper lanterns")
    settled(page)
    return page


@with_javascript
@either_place
def test_of_two_moves_in_a_row_both_count_and_what_is_typed_meanwhile_stays(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None]
) -> None:
    page, asked = three_described(visit, open_pictures), []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    held = HeldBack(page, r"/(pictures|media)/\d+$")
    pressed(page, 0, "Later")
    pressed(page, 2, "Earlier")
    first, second = held.next(), held.next()
    trees = thumbs(page).nth(1).get_by_label("What it shows")
    trees.press("End")
    page.keyboard.type(" at dawn")
    first.continue_()
    described(page, "Lime trees at dawn", "A lake", "Paper lanterns")
    second.continue_()
    described(page, "Lime trees at dawn", "Paper lanterns", "A lake")
    page.unroute_all()
    page.reload()
    assert asked == ["beforeunload"]
    described(page, "Lime trees", "Paper lanterns", "A lake")


@with_javascript
@either_place
def test_of_two_pictures_removed_in_a_row_both_go(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None]
) -> None:
    page = three_described(visit, open_pictures)
    held = HeldBack(page, "/removal$")
    for place in (0, 1):
        thumbs(page).nth(place).locator("summary").click()
        pressed(page, place, "Remove it for good")
    first, second = held.next(), held.next()
    first.continue_()
    described(page, "Lime trees", "Paper lanterns")
    second.continue_()
    described(page, "Paper lanterns")


@with_javascript
@either_place
def test_a_picture_is_moved_while_another_one_comes(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None]
) -> None:
    page = three_described(visit, open_pictures)
    held = HeldBack(page, r"/(pictures|media)(/\d+)?$")
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_label("Add pictures").set_input_files(poster())
    pressed(page, 0, "Later")
    upload, move = held.next(), held.next()
    upload.continue_()
    described(page, "A lake", "Lime trees", "Paper lanterns", "")
    move.continue_()
    described(page, "Lime trees", "A lake", "Paper lanterns", "")


@with_javascript
@either_place
@pytest.mark.parametrize("how", ["a proxy", "cut"])
def test_a_move_that_gets_no_answer_says_so_though_another_one_did(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None], how: str
) -> None:
    page = three_described(visit, open_pictures)
    held = HeldBack(page, r"/(pictures|media)/\d+$")
    pressed(page, 0, "Later")
    pressed(page, 2, "Earlier")
    first, second = held.next(), held.next()
    first.continue_()
    described(page, "Lime trees", "A lake", "Paper lanterns")
    cut(second) if how == "cut" else second.fulfill(status=409, body="of a proxy")
    expect(page.get_by_text("No answer came. Please try again.")).to_be_visible()
    described(page, "Lime trees", "A lake", "Paper lanterns")
    held.let_go()
    pressed(page, 2, "Earlier")
    described(page, "Lime trees", "Paper lanterns", "A lake")
    expect(page.get_by_text("No answer came.")).to_have_count(0)


LATER_AT_ONCE = """() => {
    window.stayed = true;
    new MutationObserver((_, coming) => {
        coming.disconnect();
        document.querySelector("#pictures .thumb:nth-child(2) [data-next^=earlier]").click();
    }).observe(document.querySelector("#pictures").parentElement, { childList: true });
}"""


@with_javascript
@either_place
def test_what_came_anew_is_pressed_at_once_and_leads_to_no_other_page(
    visit: Callable[[], Page], open_pictures: Callable[[Page], None]
) -> None:
    page = three_described(visit, open_pictures)
    page.evaluate(LATER_AT_ONCE)
    pressed(page, 0, "Later")
    described(page, "Lime trees", "Paper lanterns", "A lake")
    assert page.evaluate("() => window.stayed")
