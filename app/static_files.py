"""Style sheet, icons and scripts; htmx comes out of its package, and must be the htmx we know."""

import gzip
import hashlib
import mimetypes
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from app.errors import NotFound

OWN = Path(__file__).parent / "static"
HTMX_SHA256 = "491955cd1810747d7d7b9ccb936400afb760e06d25d53e4572b64b6563b2784e"
FOR_A_WHILE = "public, max-age=3600"
FOR_GOOD = "public, max-age=31536000, immutable"


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


class File:
    """Kept in memory, also packed; `version` changes with the content."""

    def __init__(self, name: str, content: bytes) -> None:
        self.content = content
        self.packed = gzip.compress(content, mtime=0)
        self.version = hashlib.sha256(content).hexdigest()[:10]
        self.kind = mimetypes.guess_type(name)[0] or "application/octet-stream"


FILES = {path.name: File(path.name, path.read_bytes()) for path in OWN.iterdir() if path.is_file()}
FILES["htmx.min.js"] = File("htmx.min.js", htmx())


def static(name: str) -> str:
    """The address of a file, another one whenever it changes: browsers keep it for good."""
    return f"/static/{name}?v={FILES[name].version}"


@get("/static/{name:str}", opt={"public": True, "anonymous": True}, include_in_schema=False)
async def static_file(
    request: Request[Any, Any, Any],
    name: FromPath[str],
    v: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Response[bytes]:
    file = FILES.get(name)
    if file is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": FOR_GOOD if v == file.version else FOR_A_WHILE, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, media_type=file.kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.content, media_type=file.kind, headers=headers)


routes = [static_file]
