"""The providers: one client for each SDK, errors in our words, and what protects a provider from too many calls."""
