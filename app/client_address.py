"""Who is calling, as far as the network can tell."""

import ipaddress
import re
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """As an environment variable has them: `10.0.0.0/8, fd00::/8`."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The peer, or, where trusted proxies stand in front, the last address in `X-Forwarded-For` they did not add."""
    address = parse(peer)
    if address is None or not any(address in network for network in trusted):
        return str(address or peer or "unknown")
    for text in reversed((forwarded_for or "").split(",")):
        hop = parse(without_port(text.strip()))
        if hop is None:
            break
        address = hop
        if not any(hop in network for network in trusted):
            break
    return str(address)


def without_port(text: str) -> str:
    """Some proxies write `192.0.2.7:4711` or `[2001:db8::7]:4711`."""
    bracketed = re.fullmatch(r"\[(.*)\](:[0-9]+)?", text)
    return bracketed[1] if bracketed else re.sub(r"^([0-9.]+):[0-9]+$", r"\1", text)


def parse(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A server that listens on `::` sees those who came by IPv4 as `::ffff:192.0.2.7`."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
