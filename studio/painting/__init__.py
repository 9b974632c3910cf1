"""The painter: picture-book pictures drawn from a prompt (docs/providers.md, "Pictures")."""
