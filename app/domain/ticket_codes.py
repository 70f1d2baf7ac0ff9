"""What the QR code of a ticket says: a short text that gates can prove to be ours without asking the server."""

import base64
import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.engines.database import Connection, Database
from app.errors import FieldError, Invalid

# Version, key, event, ticket, code, signature: capitals and digits only, which QR codes pack twice as densely as bytes.
TEXT = re.compile(r"(ES1\.(\d{1,9})\.(\d{1,18})\.(\d{1,18})\.([0-9A-Z]{1,32}))\.([A-Z2-7]{103})")


class TicketCode(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate learns from the text: the code tells a ticket from its copy under another holder."""

    event_id: int
    ticket_number: int
    code: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    kid: int
    private_key: bytes


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """32 bytes of an Ed25519 key in base64; `kid` is the second part of the texts it proves."""

    kid: int
    public_key: str


async def newest_key(connection: Connection) -> SigningKey:
    """The one to sign with; the older ones only prove what they signed."""
    return SigningKey(**await connection.fetchrow("SELECT kid, private_key FROM ticket_keys ORDER BY kid DESC LIMIT 1"))


async def public_keys(connection: Connection) -> list[PublicKey]:
    """Every key that tickets were signed with, for gates that work offline; oldest first."""
    rows = await connection.fetch("SELECT kid, private_key FROM ticket_keys ORDER BY kid")
    return [PublicKey(kid=row["kid"], public_key=public_part(row["private_key"])) for row in rows]


async def rotate_key(database: Database) -> int:
    """A new key signs from now on; its id. Tickets that are printed already stay good."""
    async with database.connection() as connection:
        kid: int = await connection.fetchval(
            "INSERT INTO ticket_keys (private_key) VALUES ($1) RETURNING kid",
            Ed25519PrivateKey.generate().private_bytes_raw(),
        )
    return kid


def signed(key: SigningKey, ticket: TicketCode) -> str:
    said = f"ES1.{key.kid}.{ticket.event_id}.{ticket.ticket_number}.{ticket.code}"
    signature = Ed25519PrivateKey.from_private_bytes(key.private_key).sign(said.encode())
    return f"{said}.{base64.b32encode(signature).decode().rstrip('=')}"


def verified(keys: list[PublicKey], text: str) -> TicketCode:
    """What a scanned text says; raises `Invalid` of type `not-a-ticket` unless one of `keys` signed exactly this."""
    found = TEXT.fullmatch(text.strip())
    key = next((one for one in keys if found and one.kid == int(found[2])), None)
    if found is None or key is None:
        raise not_a_ticket()
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public_key))
    try:
        public.verify(base64.b32decode(found[6] + "="), found[1].encode())
    except InvalidSignature as error:
        raise not_a_ticket() from error
    return TicketCode(event_id=int(found[3]), ticket_number=int(found[4]), code=found[5])


def public_part(private_key: bytes) -> str:
    public = Ed25519PrivateKey.from_private_bytes(private_key).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode()


def not_a_ticket() -> Invalid:
    refusal = Invalid([FieldError("code", "is not a ticket of ours")], "This is not a ticket of ours.")
    refusal.type = "not-a-ticket"
    return refusal
