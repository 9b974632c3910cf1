"""HTTP for services: problems (RFC 9457), API keys, health and metrics."""
