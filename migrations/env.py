"""Runs the migrations on the connection `app.engines.database.migrate` passes in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
