"""TLS in front of a PostgreSQL that was built without it: it says yes to encryption and passes the rest on."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


def write_certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "EventStream tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


class Front:
    """Counts the connections that were encrypted and those that were not."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        self.url = urlsplit(url)
        self.context = context
        self.encrypted = self.plain = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await reader.readexactly(8)
        if start == SSL_REQUEST:
            writer.write(b"S" if self.context else b"N")
            await writer.drain()
            if self.context is None:
                return writer.close()
            await writer.start_tls(self.context)
            self.encrypted += 1
            start = b""
        else:
            self.plain += 1
        behind, to_server = await self.server()
        to_server.write(start)
        await asyncio.gather(pump(reader, to_server), pump(behind, writer))
        return None

    async def server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The real one, over TCP or in the folder that the address names."""
        if folder := parse_qs(self.url.query).get("host"):
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
        return await asyncio.open_connection(self.url.hostname, self.url.port)


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass  # one side hung up, and so does the other
    finally:
        target.close()


@asynccontextmanager
async def tls_front(url: str, certificate: Path | None, key: Path | None) -> AsyncIterator[tuple[Front, int]]:
    """Without a certificate it refuses to encrypt."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    front = Front(url, context)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0)
    try:
        yield front, server.sockets[0].getsockname()[1]
    finally:
        server.close()
