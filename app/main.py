"""The composition root: settings -> engines -> application. Nothing else builds anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig
from litestar.types import ControllerRouterHandler

from app import health, static_files
from app.api import api
from app.api.description import complete
from app.authentication import Authentication, Stopping, provide_db, provide_parts, provide_visitor, provide_who
from app.consumers.dead_letters import DEAD_TOPICS
from app.consumers.groups import Group
from app.consumers.runner import Runner
from app.consumers.to_mongo import to_mongo
from app.consumers.to_postgres import to_postgres
from app.consumers.to_s3 import to_s3
from app.demo import load_demo
from app.edge import Edge
from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.folder_media import FolderMedia
from app.engines.log import Log
from app.engines.media import Media
from app.engines.postgres_documents import PostgresDocuments
from app.engines.postgres_log import PostgresLog
from app.form_request import MOST_PARTS, FormRequest
from app.messages import FACTS, TOPICS
from app.parts import Parts
from app.pictures import Pictures
from app.portal import packed, portal
from app.portal.environment import environment
from app.portal.filters import money, span, zone
from app.portal.schema import PlainPage
from app.problems import handle_error
from app.settings import Settings
from app.singletons import Singleton
from app.supervision import Supervised
from app.sweeps import sweep_for_ever
from app.ticket_printer import TicketPrinter


def build_parts(settings: Settings, database_url: str) -> Parts:
    """The engines that the settings choose, and what stands on them; nothing is opened yet."""
    database = Database(database_url, settings.database_connections)
    log = log_of(settings, database)
    documents = documents_of(settings, database)
    media = media_of(settings)
    pictures = Pictures()
    parts = Parts(
        settings=settings,
        database=database,
        log=log,
        documents=documents,
        media=media,
        pictures=pictures,
        printer=TicketPrinter(money, span, zone),
    )
    if settings.run_consumers:
        parts.tasks = tasks_of(parts)
    if settings.serve_http:
        parts.tasks.append(Supervised("limits", lambda health: parts.user_limits.share_for_ever(database, health)))
    if settings.demo:
        parts.tasks.append(Supervised("demo", lambda health: load_demo(parts, health)))
    return parts


# The drivers of the distributed engines take a second to import, so only who chose one pays for it.
def log_of(settings: Settings, database: Database) -> Log:
    if settings.kafka:
        from app.engines.kafka_log import KafkaLog

        return KafkaLog(
            settings.kafka,
            settings.log_partitions,
            replication=settings.kafka_replication,
            seconds=settings.publish_seconds,
            instance=settings.instance,
        )
    return PostgresLog(database, settings.log_partitions, seconds=settings.publish_seconds)


def documents_of(settings: Settings, database: Database) -> Documents:
    if settings.mongodb_url:
        from app.engines.mongo_documents import MongoDocuments

        return MongoDocuments(settings.mongodb_url)
    return PostgresDocuments(database)


def media_of(settings: Settings) -> Media:
    if settings.bucket:
        from app.engines.s3_media import S3Media

        return S3Media(settings.bucket, settings.media_base_url)
    return FolderMedia(settings.data_dir / "media")


def tasks_of(parts: Parts) -> list[Supervised]:
    """What runs beside the requests: one task per consumer group, and what one process does for all."""
    database, log, media = parts.database, parts.log, parts.media
    groups = [to_postgres(), to_mongo(parts.documents), to_s3(database, media, parts.pictures)]
    sweeps = Singleton(database, "sweeps", lambda health: sweep_for_ever(parts, health))
    return [
        *(consumer_task(group, log, database) for group in groups),
        *(Supervised(one.name, one.run) for one in (parts.relay, parts.sale_clock)),
        Supervised("sweeps", sweeps.run),
    ]


def consumer_task(group: Group, log: Log, database: Database) -> Supervised:
    return Supervised(group.name, Runner(group, log, database).run, group.topics)


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Engines open, topics there and tasks at work while the block runs."""
    await parts.database.open()
    try:
        await parts.media.connect()
        await parts.log.create_topics([*TOPICS, FACTS, *DEAD_TOPICS])
        for task in parts.tasks:
            task.start()
        yield
    finally:
        for task in parts.tasks:
            await task.stop()
        await parts.sale_desk.close()
        parts.pictures.close()
        parts.passwords.close()
        parts.printer.close()
        await parts.log.close()
        await parts.media.close()
        await parts.documents.close()
        await parts.database.close()


def build_app(parts: Parts) -> Litestar:
    """The Litestar application; `serve` and the tests put `Edge` in front of it."""
    pages: list[ControllerRouterHandler] = [api, portal, *static_files.routes]
    app = Litestar(
        route_handlers=[*health.routes, *(pages if parts.settings.serve_http else ())],
        dependencies={
            "parts": Provide(provide_parts),
            "db": Provide(provide_db),
            "who": Provide(provide_who),
            "visitor": Provide(provide_visitor),
        },
        middleware=[Stopping(), Authentication()],
        request_class=FormRequest,
        exception_handlers={Exception: handle_error},
        lifespan=[lifespan],
        template_config=template_config(),
        openapi_config=openapi_config(parts) if parts.settings.serve_http else None,
        logging_config=None,
        multipart_form_part_limit=MOST_PARTS,
    )
    app.state.parts = parts
    if parts.settings.serve_http:
        complete(app.openapi_schema)
    return app


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    async with running(app.state.parts):
        yield


def asgi(parts: Parts) -> Edge:
    return with_edge(parts, build_app(parts))


def with_edge(parts: Parts, app: Any) -> Edge:
    return Edge(app, secure=parts.settings.secure_cookies, pictures_from=parts.media.origin)


def template_config() -> TemplateConfig[JinjaTemplateEngine]:
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment()))


def openapi_config(parts: Parts) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="EventStream",
        version=version("eventstream"),
        description="Sells festival tickets. Errors are RFC 9457 problems.",
        render_plugins=[PlainPage(environment()), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(
            "/schema", route_handlers=[], opt={"public": True}, middleware=[packed], include_in_schema=False
        ),
        components=Components(
            security_schemes={
                "session": SecurityScheme(type="apiKey", name=parts.sessions.cookie, security_scheme_in="cookie"),
                "key": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
    )
