"""The tables that sessions use are the ones the migrations make."""

from advanced_alchemy.base import orm_registry

from app.engines.database import Database
from app.tables import ApiKey, IdempotencyKey, Organizer, User


async def test_columns_and_nullability_match(database: Database) -> None:
    names = set(orm_registry.metadata.tables)
    assert names == {kind.__tablename__ for kind in (User, Organizer, ApiKey, IdempotencyKey)}
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT table_name, column_name, is_nullable FROM information_schema.columns")
    there = {(row["table_name"], row["column_name"]): row["is_nullable"] == "YES" for row in rows}
    for name in names:
        declared = {(name, column.name): bool(column.nullable) for column in orm_registry.metadata.tables[name].columns}
        assert declared == {key: value for key, value in there.items() if key[0] == name}
