"""The document database: TinyDB's API on a durable engine (SQLite through apsw)."""
