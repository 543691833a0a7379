"""Keep: the SQL store of everything that was fetched, read and tagged.

SQLAlchemy stays inside this package. `Store` (in `store.engine`) opens a database; one module per entity has
the functions that read and write it, each taking a connection, so that a caller decides what is one
transaction.
"""
