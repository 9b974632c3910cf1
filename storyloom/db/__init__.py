"""Postgres, the truth: the pool, and the schema's migrations (plain SQL, dbmate)."""
