"""Words of published events, for the search of the catalogue."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # Accents do not count: `Gorlitz` finds `Görlitz`. The configuration is named in full, for restores without a path.
    op.execute(r"""
        CREATE FUNCTION words(text text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
            to_tsvector('pg_catalog.simple', regexp_replace(normalize(text, NFKD), '[\u0300-\u036f]+', '', 'g'))
    """)
    op.execute("""
        CREATE INDEX events_words ON events USING gin (words(title || ' ' || location || ' ' || description))
        WHERE status = 'published'
    """)
    op.execute("CREATE INDEX events_place ON events USING gin (words(location)) WHERE status = 'published'")
