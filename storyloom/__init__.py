"""What the services share: the story itself (pure), the bus, the database, the store, the providers' doors."""

__version__ = "0.1.0"
"""The one place of it: ``make release`` writes it (docs/releasing.md)."""
