"""Style sheet, icon and scripts; htmx comes out of its package, and must be the htmx we know."""

import hashlib
import mimetypes
from importlib.util import find_spec
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from app.errors import NotFound

OWN = Path(__file__).parent / "static"
HTMX_SHA256 = "491955cd1810747d7d7b9ccb936400afb760e06d25d53e4572b64b6563b2784e"
CACHE = "public, max-age=3600"


class ChangedPackage(Exception):
    """A package holds another file than the one that was reviewed."""


def htmx() -> bytes:
    spec = find_spec("js_lib_htmx")
    if spec is None or spec.origin is None:
        raise ChangedPackage("the package django-js-lib-htmx is not installed")
    content = (Path(spec.origin).parent / "static/htmx/htmx.min.js").read_bytes()
    if hashlib.sha256(content).hexdigest() != HTMX_SHA256:
        raise ChangedPackage("htmx.min.js of django-js-lib-htmx is not the file we expect")
    return content


FILES = {path.name: path.read_bytes() for path in OWN.iterdir() if path.is_file() and path.suffix != ".py"}
FILES["htmx.min.js"] = htmx()


@get("/static/{name:str}", opt={"public": True, "anonymous": True}, include_in_schema=False)
async def static_file(name: FromPath[str]) -> Response[bytes]:
    if name not in FILES:
        raise NotFound("There is no such file.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(FILES[name], media_type=kind, headers={"Cache-Control": CACHE})


routes = [static_file]
