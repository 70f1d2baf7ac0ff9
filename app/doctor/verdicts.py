"""What a check says, and how a section of checks is run."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from app.doctor.advice import RUNNING, SETTINGS, advice_on
from app.errors import AppError, first_line, with_cause, without_passwords

SECONDS = 15.0
WIDTH = 300


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
        verdict = await judged(section, check(subject))
        yield Finding(f"{section} {name}", verdict)
        if number == 0 and verdict.state == "wrong":
            return


async def judged(section: str, check: Awaitable[Verdict]) -> Verdict:
    try:
        async with asyncio.timeout(SECONDS):
            return await check
    except TimeoutError:
        return wrong(f"no answer within {SECONDS:g} s", RUNNING)
    except Exception as error:
        return trouble(section, error)


def trouble(section: str, error: Exception) -> Verdict:
    """In the engine's own words, as far as they fit a line."""
    foreseen = isinstance(error, AppError) or (section in SETTINGS and isinstance(error, OSError))
    words = with_cause(error) if isinstance(error, AppError) else without_passwords(first_line(error))
    mend = advice_on(section, words)
    if not foreseen and mend == RUNNING:
        mend = "See what its logs say."
    return wrong(textwrap.shorten(words, WIDTH, placeholder=" …").rstrip("."), mend)
