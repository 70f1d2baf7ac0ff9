"""How to reach Kafka."""

import ssl
from pathlib import Path
from typing import Any

import msgspec


class KafkaAccess(msgspec.Struct, frozen=True, kw_only=True):
    """`prefix` goes before the names of topics and groups, so that installations can share a cluster."""

    servers: str
    prefix: str = ""
    protocol: str = "PLAINTEXT"
    ca_file: Path | None = None
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None

    def options(self) -> dict[str, Any]:
        """For every client of aiokafka."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": "eventstream",
            "security_protocol": self.protocol,
            "ssl_context": ssl.create_default_context(cafile=self.ca_file) if self.protocol.endswith("SSL") else None,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def outward(self, name: str) -> str:
        return self.prefix + name

    def inward(self, name: str) -> str:
        return name.removeprefix(self.prefix)
