"""Checks of the settings, the data folder and the machine."""

import ipaddress
import os
import resource
import shutil
from urllib.parse import urlsplit

from app.client_address import Network
from app.doctor.verdicts import Verdict, note, ok, wrong
from app.settings import Settings

GIB = 1024**3
LITTLE, VERY_LITTLE = 10 * GIB, GIB
ENOUGH_FILES = 4096
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}


async def public_address(settings: Settings) -> Verdict:
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https":
        return ok(f"{settings.public_url}, cookies are Secure")
    if parts.hostname in LOCAL_NAMES:
        return note(f"{settings.public_url} is for this machine alone", "Set PUBLIC_URL to where people reach it.")
    return wrong(
        f"{settings.public_url}: passwords and sessions travel in the clear",
        "Put TLS in front and set PUBLIC_URL=https://…",
    )


async def trusted_proxies(settings: Settings) -> Verdict:
    if everybody := [network for network in settings.trusted_proxies if is_everybody(network)]:
        return wrong(
            f"TRUSTED_PROXIES has {everybody[0]}: whoever asks may choose their address",
            "Name the proxies alone.",
        )
    if settings.secure_cookies and not settings.trusted_proxies:
        return note(
            "all visitors seem to come from the proxy, and share its limits on sign-in",
            "Set TRUSTED_PROXIES to the address of what ends TLS.",
        )
    return ok(", ".join(map(str, settings.trusted_proxies)) or "none")


def is_everybody(network: Network) -> bool:
    return network.prefixlen < (8 if isinstance(network, ipaddress.IPv4Network) else 16)


async def secret_files(settings: Settings) -> Verdict:
    for path in settings.secret_files:
        if path.stat().st_mode & 0o007:
            return wrong(f"everybody on this machine can read {path}", f"chmod o= {path}")
    return ok(f"{len(settings.secret_files)} from files that only their owner and group can read")


async def data_folder(settings: Settings) -> Verdict:
    folder = settings.data_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        return wrong(f"{folder} cannot be written", "Make it and give it to the user that runs the server.")
    if folder.stat().st_mode & 0o077:
        return wrong(f"{folder} is open to others on this machine", f"chmod 700 {folder}")
    return ok(str(folder))


async def disk(settings: Settings) -> Verdict:
    there = next(folder for folder in (settings.data_dir, *settings.data_dir.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / GIB:.1f} GiB free at {settings.data_dir}"
    if free < VERY_LITTLE:
        return wrong(told, "Make room before writes fail.")
    return note(told, "Make room soon.") if free < LITTLE else ok(told)


async def processes(settings: Settings) -> Verdict:
    cores = os.cpu_count() or 1
    told = f"{settings.workers} on {cores} cores"
    return note(told, "More workers than cores only take turns.") if settings.workers > cores else ok(told)


async def open_files(settings: Settings) -> Verdict:
    """As `serve` will have it, which raises the soft limit to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard} per process"
    if hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES:
        return note(told, "Each visitor's connection is one: LimitNOFILE=65536 in the unit, or ulimit -Hn.")
    return ok(told)


async def demo(settings: Settings) -> Verdict:
    if settings.demo and settings.secure_cookies:
        return wrong("a public installation loads the demo festival and its accounts", "Unset EVENTSTREAM_DEMO.")
    return ok("loaded at start" if settings.demo else "off")


CHECKS = {
    "folder": data_folder,
    "disk": disk,
    "address": public_address,
    "proxies": trusted_proxies,
    "secrets": secret_files,
    "processes": processes,
    "open files": open_files,
    "demo": demo,
}
