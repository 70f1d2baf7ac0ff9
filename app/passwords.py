"""Argon2id in a bounded thread pool: hashing must neither block the loop nor use all the memory."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from app.errors import Unavailable

T = TypeVar("T")

WAITING_AT_MOST = 200


class Passwords:
    """19 MiB, t=2, p=1: the OWASP Password Storage minimum for Argon2id."""

    def __init__(self) -> None:
        self.hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self.threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 2, thread_name_prefix="argon2")
        self.waiting = 0
        self.nobody = self.hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        return await self.off_the_loop(self.hasher.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Takes the same time for an unknown account (`stored` is None) as for a wrong password."""
        return await self.off_the_loop(self.verify, stored or self.nobody, password) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        return self.hasher.check_needs_rehash(stored)

    def verify(self, stored: str, password: str) -> bool:
        try:
            return self.hasher.verify(stored, password)
        except argon2.exceptions.VerifyMismatchError:
            return False

    async def off_the_loop(self, work: Callable[..., T], *arguments: str) -> T:
        if self.waiting >= WAITING_AT_MOST:
            raise Unavailable("Too many people are signing in at this moment.", retry_after=2)
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
