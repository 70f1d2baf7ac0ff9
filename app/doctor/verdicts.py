"""What a check says, and how a section of checks is run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from app.errors import AppError

SECONDS = 15.0


class Verdict(msgspec.Struct, frozen=True):
    """`state`: ok, note (worth knowing) or wrong."""

    state: str
    text: str
    mend: str = ""


class Finding(msgspec.Struct, frozen=True):
    about: str
    verdict: Verdict

    @property
    def line(self) -> str:
        mend = f". {self.verdict.mend}" if self.verdict.mend else ""
        return f"{MARKS[self.verdict.state]}  {self.about:24}  {self.verdict.text}{mend}"


MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}
S = TypeVar("S")
Check = Callable[[S], Awaitable[Verdict]]


def ok(text: str) -> Verdict:
    return Verdict("ok", text)


def note(text: str, mend: str) -> Verdict:
    return Verdict("note", text, mend)


def wrong(text: str, mend: str) -> Verdict:
    return Verdict("wrong", text, mend)


async def examine(section: str, checks: Mapping[str, Check[S]], subject: S) -> AsyncIterator[Finding]:
    """One after the other; where the first is wrong the others could only say so again."""
    for number, (name, check) in enumerate(checks.items()):
        verdict = await judged(check(subject))
        yield Finding(f"{section} {name}", verdict)
        if number == 0 and verdict.state == "wrong":
            return


async def judged(check: Awaitable[Verdict]) -> Verdict:
    try:
        async with asyncio.timeout(SECONDS):
            return await check
    except TimeoutError:
        return wrong(f"no answer within {SECONDS:g} s", "See whether it runs and can be reached from here.")
    except Exception as error:
        if not isinstance(error, AppError):  # a refusal in the engine's own words, which nobody foresaw
            return wrong(f"{type(error).__name__}: {error}", "See what its logs say.")
        return wrong(error.detail.rstrip("."), "See whether it runs and can be reached from here.")
