"""The style page: every part that pages are made of. Only where the demo is loaded."""

import datetime as dt
import re
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from app.errors import FieldError, Invalid, NotFound
from app.parts import Parts
from app.portal.forms import by_field
from app.static_files import FILES

ICONS = re.findall(rb'symbol id="([a-z]+)"', FILES["icons.svg"].content)
COLOURS = (
    "paper", "sheet", "sunken", "ink", "quiet", "line", "edge",
    "accent", "accent-sheet", "glow", "good", "warm", "bad",
)  # fmt: skip


@get("/styleguide", opt={"public": True})
async def styleguide(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Template:
    if not parts.settings.demo:
        raise NotFound("There is nothing at this address.")
    refusal = Invalid([FieldError("price", "must have at most 2 decimals in EUR")])
    context = {
        "icons": [name.decode() for name in ICONS],
        "colours": COLOURS,
        "values": {"title": "Lantern Fields", "price": "49.999", "payment": "instant"},
        "errors": by_field(refusal.fields),
        "refusal": refusal,
        "soon": dt.datetime.now(dt.UTC) + dt.timedelta(hours=26, minutes=3),
    }
    return Template("styleguide/page.html", context=context)


routes = [styleguide]
