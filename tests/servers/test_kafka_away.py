"""Kafka says nothing: submitting waits, and no balancer may take the whole site away for it."""

import httpx

from tests.cast import event_body, stored_event
from tests.servers.fleet import Fleet
from tests.servers.outage import paused


async def test_without_kafka_a_process_stays_ready_and_sells(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with paused(Fleet().kafka):
        health = await bob.get("/health/ready")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert health.json()["engines"]["log"]["state"] == "away"
        assert (await alice.post("/api/v1/event", json=event_body())).status_code == 503
        assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
