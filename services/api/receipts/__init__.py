"""Receipts: what was checked of a story, by what, with which outcome, signed over the hashes of what was made."""
