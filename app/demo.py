"""One believable festival, so that the first page of a new installation is not empty."""

import asyncio
import datetime as dt
import hashlib
import math
import secrets
import tempfile
from pathlib import Path

import structlog

from app.domain.accounts import AttendeeSignUp, Caller, OrganizerSignUp, sign_up
from app.domain.events import event_data
from app.domain.idempotency import Idempotent
from app.domain.passwords import set_password
from app.domain.picture_files import PictureFile
from app.domain.projects import ProjectIn, submit_project
from app.parts import Parts
from app.supervision import Health
from app.validation import read

log = structlog.get_logger()

ORGANIZER, ATTENDEE = "organizer@demo.example", "attendee@demo.example"
WIDTH, HEIGHT = 1920, 1080

STORY = """Three days between the old lime trees and the lake, with music from noon until the lanterns are lit.

Eleven stages, most of them no larger than a barn. Families sleep in the orchard, everybody else in the long meadow. \
Bring a cup: there are wells, and nobody sells water here.

**Friday** begins slowly. **Saturday** does not. On Sunday evening we carry the lanterns down to the water together."""

FESTIVALS = (
    ("Lantern Fields", STORY, "Lime Tree Meadow, Uckermark", "89.00", 4000, (22, 40, 84), (240, 150, 60), 220),
    (
        "Night of the Small Stages",
        "Nine cellars, one bracelet. Doors open at seven, and every band plays twice, so that nobody has to choose.",
        "Old Town, Görlitz", "24.50", 350, (54, 16, 66), (235, 84, 120), 90,
    ),
    (
        "Harbour Brass Picnic",
        "Brass bands on barges, blankets on the quay. Free of charge, but places on the quay are counted.",
        "Museum Harbour, Rostock", "0", 120, (6, 78, 86), (250, 205, 90), 45,
    ),
)  # fmt: skip


KINDS = {
    "Lantern Fields": [
        {"name": "Weekend", "price": "89.00", "per_attendee_limit": 6, "description": "With a place for a tent."},
        {"name": "Saturday", "price": "45.00", "places": 600, "per_attendee_limit": 6},
        {
            "name": "Under sixteen",
            "price": "0",
            "places": 400,
            "per_attendee_limit": 4,
            "description": "With a grown-up.",
        },
    ]
}
"""Festivals with more than a general admission."""


async def load_demo(parts: Parts, health: Health) -> None:
    """For a `Supervised` task."""
    health.state = "running"
    if count := await load_missing(parts):
        log.info("demo festivals submitted", count=count)
    await asyncio.Event().wait()  # a task that ends by itself would be started again


async def load_missing(parts: Parts) -> int:
    """Accounts and festivals that are not there yet, through the same doors as everybody's; how many festivals."""
    who = await accounts(parts)
    loaded = await loaded_before(parts, who)
    missing = [number for number in range(len(FESTIVALS)) if key_of(number) not in loaded]
    for number in missing:
        await load_festival(parts, who, number)
    return len(missing)


async def accounts(parts: Parts) -> Caller:
    """The organizer. Without the file that says the password, both accounts get a new one."""
    file = parts.settings.data_dir / "demo-accounts.txt"
    known = await known_organizer(parts)
    if known and file.exists():
        return known
    password = secrets.token_urlsafe(9)
    if known:
        await set_passwords(parts, password)
    who = known or await sign_up_both(parts, password)
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(f"organizer  {ORGANIZER}  {password}\nattendee   {ATTENDEE}  {password}\n")
    part.replace(file)
    return who


async def known_organizer(parts: Parts) -> Caller | None:
    async with parts.database.connection() as connection:
        row = await connection.fetchrow(
            """SELECT u.id AS user_id, u.role, o.id AS organizer_id, u.full_name
               FROM users u JOIN organizers o ON o.user_id = u.id WHERE lower(u.email) = $1""",
            ORGANIZER,
        )
    return Caller(**row) if row else None


async def sign_up_both(parts: Parts, password: str) -> Caller:
    organizer = OrganizerSignUp(
        full_name="Nora Lindgren", email=ORGANIZER, password=password, company_name="Lantern Fields e.V."
    )
    attendee = AttendeeSignUp(full_name="Sam Okafor", email=ATTENDEE, password=password)
    async with parts.database.sessions.begin() as db:
        who, _ = await sign_up(db, parts.passwords, organizer)
        await sign_up(db, parts.passwords, attendee)
    return who


async def set_passwords(parts: Parts, password: str) -> None:
    hashed = await parts.passwords.hash(password)
    async with parts.database.transaction() as connection:
        for row in await connection.fetch("SELECT id FROM users WHERE lower(email) = ANY($1)", [ORGANIZER, ATTENDEE]):
            await set_password(connection, row["id"], hashed)


async def loaded_before(parts: Parts, who: Caller) -> set[str]:
    """Keys of the festivals that are in the log."""
    async with parts.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT idempotency_key FROM submissions WHERE user_id = $1 AND accepted_at IS NOT NULL", who.user_id
        )
    return {row["idempotency_key"] for row in rows}


def key_of(number: int) -> str:
    return f"demo-{number}"


async def load_festival(parts: Parts, who: Caller, number: int) -> None:
    title, story, location, price, capacity, sky, light, days = FESTIVALS[number]
    start = dt.datetime.now(dt.UTC).replace(hour=14, minute=0, second=0, microsecond=0) + dt.timedelta(days=days)
    given = read(
        ProjectIn,
        {
            "title": f"{title} {start.year}",
            "description": story,
            "location": location,
            "start_time": start.isoformat(),
            "end_time": (start + dt.timedelta(hours=9 if number else 57)).isoformat(),
            "date": start.date().isoformat(),
            "price": price,
            "capacity": capacity,
            "currency": "EUR",
            "timezone": "Europe/Berlin",
            "company_name": "Lantern Fields e.V.",
            "type": "poster",
            "tags": ["festival", "open air"],
            "ticket_types": KINDS.get(title),
        },
        defaults=parts.settings.event_defaults,
    )
    data = event_data(given, parts.settings.currency, parts.settings.timezone)
    key = Idempotent(key_of(number), hashlib.sha256(title.encode()).digest())
    with tempfile.TemporaryDirectory(prefix="eventstream-") as folder:
        path = Path(folder) / "poster.png"
        await asyncio.to_thread(draw_poster, path, sky, light, seed=number)
        files = [PictureFile(path, hashlib.sha256(path.read_bytes()).digest())]
        await submit_project(
            parts.database, parts.submissions, parts.media, parts.pictures, who, given, data, files, key
        )


def draw_poster(path: Path, sky: tuple[int, int, int], light: tuple[int, int, int], seed: int) -> None:
    """Hills at dusk with a string of lanterns."""
    from PIL import Image, ImageChops, ImageDraw, ImageFilter  # only here: the web process stays lean

    picture = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    for y in range(HEIGHT):
        share = (y / HEIGHT) ** 1.6
        draw.line([(0, y), (WIDTH, y)], fill=mix(sky, light, share * 0.75))
    for hill in range(4):
        colour = mix(mix(sky, (8, 10, 16), 0.35 + hill * 0.18), light, 0.10)
        base = HEIGHT * (0.62 + hill * 0.1)
        ridge = [
            (x, base + 46 * math.sin(x / (170 + 55 * hill) + seed * 2 + hill * 1.7) + 18 * math.sin(x / 61 + hill))
            for x in range(0, WIDTH + 16, 16)
        ]
        draw.polygon([(0, HEIGHT), *ridge, (WIDTH, HEIGHT)], fill=colour)
    glow = Image.new("RGB", (WIDTH, HEIGHT))
    on_glow = ImageDraw.Draw(glow)
    for place in range(13):
        x = 70 + place * 148
        height = 250 + 150 * math.sin(math.pi * place / 12) + 26 * math.sin(seed + place)
        draw.line([(x, height - 60), (x, height)], fill=mix(sky, (0, 0, 0), 0.5), width=2)
        on_glow.ellipse([x - 54, height - 54, x + 54, height + 54], fill=mix((0, 0, 0), light, 0.55))
        draw.ellipse([x - 17, height - 21, x + 17, height + 21], fill=mix(light, (255, 255, 255), 0.55))
    picture = ImageChops.add(picture, glow.filter(ImageFilter.GaussianBlur(38)))
    picture.save(path)


def mix(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
