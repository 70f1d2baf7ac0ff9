"""What somebody typed while the session ended: kept on the sign-in page, and shown again to be sent."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request

from app.form_request import TEXT_FORM
from app.sessions import whose

LONGEST = 500_000
CHOICE = ("ticket_type_id", "quantity")
OF_ONE = re.compile(r"/projects/(drafts/)?([0-9]{1,18})/")
NUMBER = re.compile(r"[0-9]{1,18}")
CANCELLATION = re.compile(r"/projects/\d+(/attendees/(?P<ticket>\d+))?/cancellation")


class KeptForm(msgspec.Struct, frozen=True):
    """Where a form was sent, what stood in it but for passwords, and who had the session that was over, if known."""

    action: str
    fields: list[tuple[str, str]]
    typed_by: int | None = None

    @property
    def text(self) -> str:
        """For a hidden field of the sign-in form."""
        return msgspec.json.encode(self).decode()

    @property
    def cancels(self) -> dict[str, str | None] | None:
        """The `ticket` whose cancellation it asks for, None for that of an event; nothing where it asks for none."""
        found = CANCELLATION.fullmatch(self.action)
        return found.groupdict() if found else None

    @property
    def of(self) -> tuple[str, int] | None:
        """`event` or `draft`, and the id of the one of an organizer that it is for."""
        found = OF_ONE.match(self.action)
        return ("draft" if found[1] else "event", int(found[2])) if found else None

    @property
    def ticket_numbers(self) -> list[int]:
        """The tickets that it is about."""
        sent = [value for name, value in self.fields if name == "ticket_numbers"]
        return [int(one) for one in [*sent, *(self.cancels or {}).values()] if one and NUMBER.fullmatch(one)]

    @property
    def choice(self) -> str:
        """As the query of the page that has it chosen; an empty type stands for any."""
        fields = dict(self.fields)
        return urlencode({name: fields[name] for name in CHOICE if re.fullmatch(r"\d*", fields.get(name, "-"))})


async def what_is_kept(request: Request[Any, Any, Any], opt: Mapping[str, Any]) -> dict[str, KeptForm]:
    """`kept` is shown again to be sent; what somebody chose, they see chosen on the page they come back to."""
    name = "kept" if opt.get("keep_typed") else "choice" if opt.get("keep_choice") else None
    field = opt.get("keep_typed")
    kept = await kept_form(request, field if isinstance(field, str) else None) if name else None
    return {name: kept} if name and kept else {}


async def kept_form(request: Request[Any, Any, Any], field: str | None) -> KeptForm | None:
    """None where nothing was typed: a button alone, or an upload. Only forms that nothing else keeps ask for it.

    `field` is the one that one types in, where the others are chosen.
    """
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != TEXT_FORM or int(request.headers.get("content-length") or LONGEST) >= LONGEST:
        return None
    form = await request.form()
    fields = [(name, value) for name, value in form.items() if "password" not in name and name != "ends_waiting"]
    typed = any(value.strip() or name in CHOICE for name, value in fields if name != "key" and field in (None, name))
    typed_by = whose(request.cookies.get(request.app.state.parts.sessions.cookie, ""))
    return KeptForm(request.scope["path"], fields, typed_by) if typed else None


def read_kept(text: str | None) -> KeptForm | None:
    """What `KeptForm.text` gave; None for anything else."""
    try:
        return msgspec.json.decode(text, type=KeptForm) if text else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
