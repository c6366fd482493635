"""What alembic runs to bring a database to a version of the schema, on the given connection."""

from alembic import context

from nndl_core.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite's too: whoever opens the database has begun the transaction
)
context.run_migrations()
