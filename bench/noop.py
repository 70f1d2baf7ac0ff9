"""The yardstick: a POST that is parsed and answered and does nothing, on the same server and framework."""

from typing import Any

import uvicorn
from litestar import Litestar, post


@post("/noop", status_code=200)
async def noop(data: dict[str, Any]) -> dict[str, Any]:
    return {"success": True}


def main(port: int) -> None:
    app = Litestar([noop], openapi_config=None, logging_config=None)
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_config=None, access_log=False)
