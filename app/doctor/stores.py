"""Checks of the stores beside the database: documents and media."""

from app.doctor.verdicts import Verdict, ok, wrong
from app.engines.database import APPLICATION
from app.engines.folder_media import FolderMedia
from app.parts import Parts


async def documents(parts: Parts) -> Verdict:
    await parts.documents.ping()
    return ok("answers")


async def media(parts: Parts) -> Verdict:
    """`ping` writes."""
    await parts.media.ping()
    return ok("can be written")


async def media_for_all(parts: Parts) -> Verdict:
    if not isinstance(parts.media, FolderMedia):
        return ok("one store for all machines")
    async with parts.database.connection() as connection:
        rows = await connection.fetch(
            """SELECT DISTINCT split_part(application_name, ' ', 3) AS name FROM pg_stat_activity
               WHERE datname = current_database() AND starts_with(application_name, $1) ORDER BY name""",
            f"{APPLICATION} ",
        )
    machines = [row["name"] for row in rows]
    if len(machines) > 1:
        told = f"each of {', '.join(machines)} keeps pictures in a folder of its own"
        return wrong(told, "Set AWS_S3_BUCKET_NAME on all of them.")
    return ok("one machine, one folder")


CHECKS_OF_DOCUMENTS = {"reach": documents}
CHECKS_OF_MEDIA = {"reach": media, "machines": media_for_all}
