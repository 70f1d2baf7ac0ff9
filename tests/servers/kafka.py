"""Apache Kafka in KRaft mode, one broker or three, from Maven's repository."""

import asyncio
import base64
import datetime as dt
import ipaddress
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers.cache import SOURCES, Recipe, run
from tests.servers.server import HOST, RealServer

VERSION = "4.1.1"
USER, PASSWORD = "eventstream", "eventstream-secret"
LOGINS = "org.apache.kafka.common.security"
POM = SOURCES / "kafka" / "pom.xml"
JAVA = ("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
BROKER_PROPERTIES = """
process.roles=broker
node.id={node}
controller.quorum.voters=1@{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
log.index.size.max.bytes=262144
log.cleaner.dedupe.buffer.size=16777216
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},SASL_SSL://{host}:{guarded},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port},SASL_SSL://{host}:{guarded}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config={login} required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram_login} required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
log.index.size.max.bytes=262144
log.cleaner.dedupe.buffer.size=16777216
"""


def write_certificate(keystore: Path, ca_file: Path) -> None:
    """Signed by itself, so it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")]), dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(Encoding.PEM)
    ca_file.write_bytes(public)
    keystore.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + public)


def copy_jars(folder: Path) -> None:
    run(
        [
            "mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ],
        folder,
    )  # fmt: skip


class Kafka(RealServer):
    name = "kafka"
    recipe = Recipe("kafka", VERSION, ("java", "mvn"), copy_jars, (POM,))
    tools = ("java",)
    copies = 1
    """Of what groups have committed."""

    def java(self, *arguments: str | Path) -> list[str | Path]:
        return [*JAVA, "-cp", f"{self.program}/*", *arguments]

    def prepare(self) -> None:
        write_certificate(self.folder / "keystore.pem", self.ca_file)
        names = {
            "host": HOST, "port": self.port, "guarded": self.guarded_port, "data": self.data,
            "controller": self.port_named("controller-port"), "keystore": self.folder / "keystore.pem",
            "copies": self.copies, "user": USER, "password": PASSWORD, "login": f"{LOGINS}.plain.PlainLoginModule",
            "scram_login": f"{LOGINS}.scram.ScramLoginModule",
        }  # fmt: skip
        (self.folder / "server.properties").write_text(PROPERTIES.format(**names))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        format_storage = self.java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--add-scram", user)
        run([*format_storage, "-c", self.folder / "server.properties"], self.folder)

    @property
    def guarded_port(self) -> int:
        """Where it asks for a password, behind TLS."""
        return self.port_named("guarded-port")

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def cluster(self) -> str:
        """What it calls itself."""
        lines = (self.data / "meta.properties").read_text().splitlines()
        return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))

    @property
    def controller(self) -> str:
        return f"{HOST}:{self.port_named('controller-port')}"

    def command(self) -> list[str | Path]:
        return self.java("kafka.Kafka", self.folder / "server.properties")

    def answers(self) -> bool:
        return asyncio.run(self.lists_topics())

    async def lists_topics(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{self.port}", request_timeout_ms=3000)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()
        return True

    def settings(self) -> dict[str, str]:
        return {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self.port}"}


class AnotherBroker(Kafka):
    """One more in the cluster of `first`, which alone decides who is alive."""

    def __init__(self, first: Kafka, node: int) -> None:
        self.name = f"kafka-{node}"
        super().__init__(first.folder.parent)
        self.first = first
        self.node = node

    def prepare(self) -> None:
        names = {"host": HOST, "port": self.port, "data": self.data, "node": self.node}
        properties = self.folder / "server.properties"
        properties.write_text(BROKER_PROPERTIES.format(**names, controller=self.first.controller))
        cluster = f"--cluster-id={self.first.cluster()}"  # which may begin with a hyphen
        run(self.java("kafka.tools.StorageTool", "format", cluster, "-c", properties), self.folder)


class ThreeBrokers(Kafka):
    """The first of them; the others come and go with it."""

    copies = 3

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.others = [AnotherBroker(self, node) for node in (2, 3)]

    def start(self) -> None:
        super().start()
        with ThreadPoolExecutor(len(self.others)) as pool:
            list(pool.map(AnotherBroker.start, self.others))

    def forget(self) -> None:
        for one in self.others:
            one.kill()
        self.kill()
        super().forget()

    def settings(self) -> dict[str, str]:
        ports = [self.port, *(one.port for one in self.others)]
        return {"KAFKA_BOOTSTRAP_SERVERS": ",".join(f"{HOST}:{port}" for port in ports)}
