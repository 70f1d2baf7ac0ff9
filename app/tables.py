"""The tables that SQLAlchemy sessions read and write; the migrations are the whole truth."""

import datetime as dt
from typing import Any

from advanced_alchemy.base import DefaultBase
from sqlalchemy import Computed, ForeignKey, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import FetchedValue

AUTOMATIC = FetchedValue()
Moment = TIMESTAMP(timezone=True)


class User(DefaultBase):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, server_default=AUTOMATIC)
    email: Mapped[str] = mapped_column(Text)
    full_name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    sign_up_key: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment, server_default=func.now())
    deleted_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    words: Mapped[str | None] = mapped_column(TSVECTOR, Computed("person_words(full_name, email)"), deferred=True)


class Organizer(DefaultBase):
    __tablename__ = "organizers"

    id: Mapped[int] = mapped_column(primary_key=True, server_default=AUTOMATIC)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    company_name: Mapped[str] = mapped_column(Text)
    bio: Mapped[str | None] = mapped_column(Text)


class ApiKey(DefaultBase):
    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True, server_default=AUTOMATIC)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[dt.datetime] = mapped_column(Moment, server_default=func.now())
    last_used_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(Moment)


class IdempotencyKey(DefaultBase):
    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[dt.datetime] = mapped_column(Moment, server_default=func.now())
