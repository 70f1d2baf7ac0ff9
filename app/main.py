"""The composition root: settings -> engines -> application. Nothing else builds anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import jinja2
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig
from sqlalchemy.ext.asyncio import AsyncSession

from app import health, static_files
from app.api import api
from app.api.description import complete
from app.authentication import Authentication, gate, provide_visitor, provide_who
from app.consumers.dead_letters import DEAD_TOPICS
from app.consumers.groups import Group
from app.consumers.runner import Runner
from app.consumers.to_mongo import to_mongo
from app.consumers.to_postgres import to_postgres
from app.consumers.to_s3 import to_s3
from app.demo import load_demo
from app.edge import Edge
from app.engines.database import Database
from app.engines.folder_media import FolderMedia
from app.engines.postgres_documents import PostgresDocuments
from app.engines.postgres_log import PostgresLog
from app.language import current_locale, gettext, ngettext
from app.messages import FACTS, TOPICS
from app.parts import Parts
from app.pictures import Pictures
from app.portal import portal
from app.portal.filters import FILTERS
from app.portal.schema import PlainPage
from app.problems import handle_error
from app.settings import Settings
from app.static_files import static
from app.supervision import Supervised
from app.sweeps import sweep_for_ever

TEMPLATES = Path(__file__).parent / "templates"


def build_parts(settings: Settings, database_url: str) -> Parts:
    """The engines that the settings choose, and what stands on them; nothing is opened yet."""
    database = Database(database_url)
    log = PostgresLog(database, settings.log_partitions, seconds=settings.publish_seconds)
    documents = PostgresDocuments(database)
    media = FolderMedia(settings.data_dir / "media")
    pictures = Pictures()
    groups = [to_postgres(), to_mongo(documents), to_s3(database, media, pictures)]
    parts = Parts(
        settings=settings,
        database=database,
        log=log,
        documents=documents,
        media=media,
        pictures=pictures,
        tasks=[consumer_task(group, log, database) for group in groups],
    )
    parts.tasks.append(Supervised("sweeps", lambda health: sweep_for_ever(parts, health)))
    parts.tasks += [Supervised(one.name, one.run) for one in (parts.relay, parts.sale_clock)]
    return parts


def consumer_task(group: Group, log: PostgresLog, database: Database) -> Supervised:
    return Supervised(group.name, Runner(group, log, database).run, group.topics)


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Engines open, topics there and tasks at work while the block runs."""
    await parts.database.open()
    try:
        await parts.log.create_topics([*TOPICS, FACTS, *DEAD_TOPICS])
        for task in parts.tasks:
            task.start()
        if parts.settings.demo:
            await load_demo(parts)
        yield
    finally:
        for task in parts.tasks:
            await task.stop()
        await parts.sale_desk.close()
        parts.pictures.close()
        parts.passwords.close()
        await parts.log.close()
        await parts.database.close()


def build_app(parts: Parts) -> Litestar:
    """The Litestar application; `serve` and the tests put `Edge` in front of it."""

    async def provide_db() -> AsyncIterator[AsyncSession]:
        async with parts.database.sessions.begin() as db:
            yield db

    async def provide_parts() -> Parts:
        return parts

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with running(parts):
            yield

    app = Litestar(
        route_handlers=[api, portal, *health.routes, *static_files.routes],
        dependencies={
            "parts": Provide(provide_parts),
            "db": Provide(provide_db),
            "who": Provide(provide_who),
            "visitor": Provide(provide_visitor),
        },
        guards=[gate],
        middleware=[Authentication(parts)],
        exception_handlers={Exception: handle_error},
        lifespan=[lifespan],
        template_config=template_config(),
        openapi_config=openapi_config(parts),
        logging_config=None,
        multipart_form_part_limit=200,
    )
    app.state.parts = parts
    complete(app.openapi_schema)
    return app


def asgi(parts: Parts) -> Edge:
    return Edge(build_app(parts), secure=parts.settings.secure_cookies)  # type: ignore[arg-type]


def environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(FILTERS)
    environment.globals.update(static=static, language=lambda: current_locale().language)
    return environment


def template_config() -> TemplateConfig[JinjaTemplateEngine]:
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment()))


def openapi_config(parts: Parts) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="EventStream",
        version=version("eventstream"),
        description="Sells festival tickets. Errors are RFC 9457 problems.",
        render_plugins=[PlainPage(environment()), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router("/schema", route_handlers=[], opt={"public": True}, include_in_schema=False),
        components=Components(
            security_schemes={
                "session": SecurityScheme(type="apiKey", name=parts.sessions.cookie, security_scheme_in="cookie"),
                "key": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
    )
