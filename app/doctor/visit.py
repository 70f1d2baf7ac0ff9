"""The order of the checks: what others stand on comes before them, and who stands elsewhere is looked at anyway."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from app.doctor import database, documents, kafka, log, machine, media
from app.doctor.verdicts import Finding, examine, judged, trouble, wrong
from app.engines.embedded_postgres import EmbeddedPostgresError
from app.main import build_parts
from app.parts import Parts
from app.settings import Settings, SettingsError

DATABASE_SETTING = "POSTGRESQL_DB_URL"
NOWHERE = "postgresql:///"
VITAL = {"database reach", "database migrations"}
"""Where one of these is wrong, all that stands on the database could only say so again."""


def settings_and_complaints(environment: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Every bad setting and not only the first; each counts as unset from then on."""
    remaining, complaints = dict(environment), list[Finding]()
    while True:
        try:
            return Settings.from_env(remaining), complaints
        except SettingsError as error:
            blamed = {error.name, f"{error.name}_FILE"} & remaining.keys()
            if not blamed:
                raise
            remaining = {name: value for name, value in remaining.items() if name not in blamed}
            complaints.append(bad_setting(error))


def bad_setting(error: SettingsError) -> Finding:
    return Finding(f"setting {error.name}", wrong(str(error), "See .env.example."))


def no_start(error: EmbeddedPostgresError) -> Finding:
    return Finding("database start", wrong(str(error).rstrip("."), "Mend that, or set POSTGRESQL_DB_URL."))


def names_no_database(settings: Settings, complaints: list[Finding]) -> bool:
    """Whether somebody named one, and wrongly: then the embedded one is not what they want looked at."""
    return settings.database_url is None and any(DATABASE_SETTING in finding.about for finding in complaints)


async def findings(settings: Settings, database_url: str | None) -> AsyncIterator[Finding]:
    """Without a database that can be used, of those engines alone that do not live in it."""
    try:  # without the name of an instance: that one belongs to a server, and its member of a group never leaves
        parts = build_parts(replace(settings, instance=None), database_url or NOWHERE)
    except Exception as error:
        yield Finding("engines", trouble("engines", error))
        return
    try:
        usable = database_url is not None
        async for finding in examine("database", database.CHECKS if database_url else {}, parts):
            usable = usable and not (finding.about in VITAL and finding.verdict.state == "wrong")
            yield finding
        sections = (
            ("log", settings.kafka, kafka.CHECKS, log.CHECKS),
            ("documents", settings.mongodb_url, documents.MONGO, documents.EMBEDDED),
            ("media", settings.bucket, media.BUCKET, media.FOLDER),
        )
        for name, elsewhere, theirs, embedded in sections:
            if elsewhere or usable:
                async for finding in examine(name, theirs if elsewhere else embedded, parts):
                    yield finding
    finally:
        await close(parts)


async def close(parts: Parts) -> None:
    await parts.log.close()
    await parts.media.close()
    await parts.documents.close()
    if parts.database.pool is not None:
        await parts.database.close()


async def machine_findings(settings: Settings) -> AsyncIterator[Finding]:
    """None of these stands on another."""
    for name, check in machine.CHECKS.items():
        yield Finding(f"machine {name}", await judged("machine", check(settings)))


async def tell(complaints: list[Finding], *visits: AsyncIterator[Finding]) -> int:
    """Print a line for each as it comes; the exit status."""
    states = [finding.verdict.state for finding in complaints]
    for finding in complaints:
        print(finding.line)
    for visit in visits:
        async for finding in visit:
            print(finding.line, flush=True)
            states.append(finding.verdict.state)
    print(f"{len(states)} checks, {states.count('wrong')} wrong, {states.count('note')} to note")
    return 1 if "wrong" in states else 0
