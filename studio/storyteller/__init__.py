"""Answers the structured text prompts of docs/providers.md: seeded, offline, without a model."""
