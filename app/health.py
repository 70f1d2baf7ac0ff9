"""Whether the process lives, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from app.engines.log import Log
from app.errors import AppError
from app.parts import Parts
from app.supervision import Supervised

CHECK_SECONDS = 3.0
CALM = {"running", "standby"}


class EngineHealth(msgspec.Struct, frozen=True):
    state: str
    error: str | None = None


class TaskHealth(msgspec.Struct, frozen=True):
    """`lag`: messages by topic that the group has yet to handle; None where nobody can tell now."""

    state: str
    restarts: int
    error: str | None
    lag: dict[str, int] | None = None


class Readiness(msgspec.Struct, frozen=True):
    """`status`: ok; degraded: something is away or lags, and what needs it waits; down or draining: 503.

    Without the log submitting is refused, while buying and reading go on: no reason for a balancer to let a process go.
    """

    status: str
    engines: dict[str, EngineHealth]
    tasks: dict[str, TaskHealth]


@get("/health/live", opt={"public": True, "anonymous": True}, summary="The process answers", tags=["health"])
async def live() -> dict[str, str]:
    return {"status": "ok"}


@get(
    "/health/ready",
    opt={"public": True, "anonymous": True},
    summary="Every engine and every consumer by name",
    tags=["health"],
)
async def ready(parts: NamedDependency[Parts]) -> Response[Readiness]:
    pings = {
        "database": parts.database.ping, "log": parts.log.ping, "documents": parts.documents.ping,
        "media": parts.media.ping,
    }  # fmt: skip
    checked, watched = await asyncio.gather(  # all at once: together they take as long as the slowest
        asyncio.gather(*(check(ping) for ping in pings.values())),
        asyncio.gather(*(task_health(parts.log, task) for task in parts.tasks)),
    )
    engines = dict(zip(pings, checked, strict=True))
    tasks = {task.name: health for task, health in zip(parts.tasks, watched, strict=True)}
    down = engines["database"].state == "away" or any(task.state == "stopped" for task in tasks.values())
    calm = all(one.state == "ok" for one in engines.values()) and all(t.state in CALM for t in tasks.values())
    status = "draining" if parts.draining else "down" if down else "ok" if calm else "degraded"
    return Response(Readiness(status, engines, tasks), status_code=503 if down or parts.draining else 200)


async def check(ping: Callable[[], Awaitable[Any]]) -> EngineHealth:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await ping()
    except AppError as error:
        return EngineHealth("away", error.detail)
    except TimeoutError:
        return EngineHealth("away", f"no answer within {CHECK_SECONDS:g} s")
    return EngineHealth("ok")


async def task_health(log: Log, task: Supervised) -> TaskHealth:
    health, lag = task.health, None
    if task.topics:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                lag = dict(await log.lag(task.name, task.topics))
        except (AppError, TimeoutError) as error:
            return TaskHealth(health.state, health.restarts, health.error or str(error))
    return TaskHealth(health.state, health.restarts, health.error, lag)


routes = [live, ready]
