"""Checks of the document store."""

import re
from typing import Any
from urllib.parse import urlsplit

from app.doctor.machine import LOCAL_NAMES
from app.doctor.verdicts import Verdict, note, ok, wrong
from app.parts import Parts

OLDEST = (4, 2)


async def reach(parts: Parts) -> Verdict:
    await parts.documents.ping()
    return ok("answers" if parts.settings.mongodb_url else "in the database")


async def version(parts: Parts) -> Verdict:
    build = await ask(parts, "buildInfo")
    return verdict_of(build["version"])


def verdict_of(version: str) -> Verdict:
    """Development versions end in a word."""
    if tuple(int(digits) for digits in re.findall(r"\d+", version)[:2]) < OLDEST:
        return wrong(f"MongoDB {version}", "Upgrade it to 4.2 at least: older ones do not know our updates.")
    return ok(f"MongoDB {version}")


async def copies(parts: Parts) -> Verdict:
    """A write is acknowledged by most members of the replica set; alone, one is most."""
    hello = await ask(parts, "hello")
    if name := hello.get("setName"):
        return ok(f"replica set {name} of {len(hello.get('hosts', []))}")
    return note("one server: its disk is the only copy", "Run a replica set of three.")


async def rights(parts: Parts) -> Verdict:
    documents: Any = parts.documents
    nothing = documents.collection.update_one({"_id": -1, "rev": -1}, {"$set": {"rev": -1}})
    await documents.within(nothing)
    return ok(f"may write {documents.collection.full_name}")


async def encryption(parts: Parts) -> Verdict:
    url = urlsplit(parts.settings.mongodb_url or "")
    if url.scheme == "mongodb+srv" or {"tls=true", "ssl=true"} & set(url.query.lower().split("&")):
        return ok("TLS")
    hosts = {place.rpartition(":")[0] or place for place in url.netloc.rpartition("@")[2].split(",")}
    if hosts <= LOCAL_NAMES:
        return ok("not needed on this machine")
    return wrong("our connection is not encrypted", "Add tls=true to the options of MONGODB_URL.")


async def ask(parts: Parts, command: str) -> dict[str, Any]:
    documents: Any = parts.documents
    found: dict[str, Any] = await documents.within(documents.collection.database.command(command))
    return found


EMBEDDED = {"reach": reach}
MONGO = {"reach": reach, "version": version, "copies": copies, "rights": rights, "encryption": encryption}
