"""A browser and its system in a few words, out of what it sends as `User-Agent`."""

import re

# Order matters: every browser also claims to be some of those below it.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS", "Chrome"), ("Safari", "Safari"), ("curl/", "curl"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Macintosh|Mac OS X", "macOS"), ("Linux|X11", "Linux"),
)  # fmt: skip
LONGEST = 300


def device(user_agent: str) -> str:
    """`Firefox on Linux`; the first word of a program we do not know."""
    browser = named(BROWSERS, user_agent)
    system = named(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or user_agent.partition("/")[0][:40].strip() or "Unknown device"


def named(patterns: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for pattern, name in patterns if re.search(pattern, user_agent)), None)
