"""One broker of Apache Kafka in KRaft mode, from Maven's repository."""

import asyncio
import base64
import uuid
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from tests.servers.cache import SOURCES, Recipe, run
from tests.servers.server import HOST, RealServer

VERSION = "4.1.1"
POM = SOURCES / "kafka" / "pom.xml"
JAVA = ("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
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

    def java(self, *arguments: str | Path) -> list[str | Path]:
        return [*JAVA, "-cp", f"{self.program}/*", *arguments]

    def prepare(self) -> None:
        properties = PROPERTIES.format(
            host=HOST, port=self.port, controller=self.port_named("controller-port"), data=self.data
        )
        (self.folder / "server.properties").write_text(properties)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        run(
            self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self.folder / "server.properties"),
            self.folder,
        )

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
