"""The order of the checks: what the others stand on comes first."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from app.doctor import database, documents, kafka, log, machine, media
from app.doctor.verdicts import Finding, Verdict, examine, trouble
from app.main import build_parts
from app.parts import Parts
from app.settings import Settings, SettingsError

DATABASE_SETTING = "POSTGRESQL_DB_URL"
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
            verdict = Verdict("wrong", str(error), "See .env.example.")
            complaints.append(Finding(f"setting {error.name}", verdict))


def names_no_database(settings: Settings, complaints: list[Finding]) -> bool:
    """Whether somebody named one, and wrongly: then the embedded one is not what they want looked at."""
    return settings.database_url is None and any(DATABASE_SETTING in finding.about for finding in complaints)


async def findings(settings: Settings, database_url: str) -> AsyncIterator[Finding]:
    try:  # without the name of an instance: that one belongs to a server, and its member of a group never leaves
        parts = build_parts(replace(settings, instance=None), database_url)
    except Exception as error:
        yield Finding("engines", trouble("engines", error))
        return
    try:
        healthy = True
        async for finding in examine("database", database.CHECKS, parts):
            healthy = healthy and not (finding.about in VITAL and finding.verdict.state == "wrong")
            yield finding
        sections = (
            ("log", kafka.CHECKS if settings.kafka else log.CHECKS),
            ("documents", documents.MONGO if settings.mongodb_url else documents.EMBEDDED),
            ("media", media.BUCKET if settings.bucket else media.FOLDER),
        )
        for name, checks in sections if healthy else ():
            async for finding in examine(name, checks, parts):
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
    async for finding in examine("machine", machine.CHECKS, settings):
        yield finding


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
