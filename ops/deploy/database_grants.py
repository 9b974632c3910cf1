"""Who reads and writes what in Postgres: one table a role, as GRANT has it.

Rows are read whole where the service answers with them; columns are named where another service's secrets, or a child's
words, stand beside what is needed. A test runs every statement of every service under its role, and finds what no
statement needs.
"""

from collections.abc import Mapping
from typing import TypeAlias

Grants: TypeAlias = Mapping[str, tuple[str, ...]]
"""Privileges by table."""

_SCHEMA: Grants = {"schema_migrations": ("SELECT",)}
"""Every service looks whether the schema is its own."""
_KEYS: Grants = {"api_keys": ("SELECT", "UPDATE (last_used_at)")}
"""Whoever lets clients in. ``tenants`` is read besides."""
# Postgres lets nobody lock a row who may not write one of its columns. Of a tenant's this is the one that nothing reads
# but a list.
_LOCK_TENANT = "UPDATE (created_at)"

API: Grants = {
    **_SCHEMA,
    **_KEYS,
    "tenants": ("SELECT", _LOCK_TENANT),
    "request_rates": ("SELECT", "INSERT", "UPDATE (full_at, granted)"),
    "tenant_costs": ("SELECT",),
    "tenant_story_counts": ("SELECT", "INSERT", "UPDATE (stories)"),
    "tenant_asset_counts": ("SELECT",),
    "stories": ("SELECT", "INSERT", "UPDATE (idempotency_key, request_hash)", "DELETE"),
    "asset_generation_jobs": ("SELECT", "INSERT"),
    "story_events": ("SELECT (story_id)",),
    "inbox": ("SELECT",),
    "command_outbox": ("SELECT", "INSERT"),
    "erasures": ("SELECT", "INSERT", "UPDATE (receipt, sweeps, due_at)", "DELETE"),
    "stale_objects": ("SELECT", "UPDATE (since, claimed_until)", "DELETE"),
    "stream_tokens": ("SELECT", "INSERT", "UPDATE (expires_at)", "DELETE"),
    "story_shares": ("SELECT", "INSERT", "UPDATE (paused_at, revoked_at)"),
    "story_receipts": ("SELECT", "INSERT", "UPDATE (basis, receipt, made_at)"),
    "webhook_endpoints": (
        "SELECT",
        "INSERT",
        (
            "UPDATE (url, event_types, description, enabled, disabled_reason, secret, old_secret,"
            " old_secret_expires_at, verified_at, failing_since)"
        ),
        "DELETE",
    ),
    "webhook_deliveries": ("SELECT", "INSERT", "UPDATE (state, attempts, next_at, claimed_until, settled_at)"),
}
STATUS: Grants = {
    **_SCHEMA,
    **_KEYS,
    "tenants": ("SELECT", _LOCK_TENANT),
    "tenant_costs": ("SELECT", "INSERT", "UPDATE (usd)"),
    "tenant_asset_counts": ("SELECT", "INSERT", "UPDATE (assets)"),
    "stories": (
        "SELECT",
        (
            "UPDATE (status, seq, version, title, logline, error, asset_generation_status, asset_generation_started_at,"
            " asset_generation_completed_at, hue_extracted_colors, audio_words, audio_blocks, admitted_at, approval,"
            " awaiting_approval_since)"
        ),
    ),
    "asset_generation_jobs": (
        "SELECT",
        (
            "UPDATE (status, revision, fingerprint, result, metadata, error_message, retry_count, queued_at,"
            " started_at, completed_at, backlog_lane, backlog_tenant, backlog_since)"
        ),
    ),
    "story_events": ("SELECT", "INSERT"),
    "inbox": ("SELECT", "INSERT", "DELETE"),
    # An operator replays a dead letter as a command.
    "command_outbox": ("SELECT", "INSERT", "UPDATE (handled_at)", "DELETE"),
    "erasures": ("SELECT (story_id, due_at)", "UPDATE (due_at)"),
    "stale_objects": ("SELECT (story_id, since)", "INSERT", "UPDATE (since, claimed_until)"),
    "stream_tokens": ("SELECT",),
    "lanes": ("SELECT", "INSERT", "UPDATE (virtual_time)"),
    "lane_shares": ("SELECT", "INSERT", "UPDATE (finish)", "DELETE"),
    "webhook_endpoints": ("SELECT (id, tenant_id, event_types, enabled, disabled_reason, failing_since)",),
    "webhook_deliveries": ("SELECT (endpoint_id, event_id, next_at)", "INSERT"),
}
WEBHOOKS: Grants = {
    **_SCHEMA,
    "webhook_endpoints": ("SELECT", "UPDATE (enabled, disabled_reason, verified_at, failing_since)"),
    "webhook_deliveries": (
        "SELECT",
        "UPDATE (state, attempts, log, next_at, claimed_until, settled_at)",
        "DELETE",
    ),
}
OPS: Grants = {
    **_SCHEMA,
    "tenants": (
        "SELECT",
        "INSERT",
        (
            "UPDATE (weight, requests_per_minute, concurrent_stories, stories_per_day, regenerations_per_story,"
            " usd_per_day)"
        ),
    ),
    "api_keys": (
        "SELECT (id, tenant_id, name, scopes, created_at, revoked_at, expires_at, last_used_at, replaced_by)",
        "INSERT",
        "UPDATE (revoked_at, expires_at, replaced_by)",
    ),
    "tenant_costs": ("SELECT",),
    "tenant_story_counts": ("SELECT",),
    # Neither what was asked for nor what was written: both name children.
    "stories": (
        (
            "SELECT (id, tenant_id, priority, status, seq, version, trace, error, asset_generation_status,"
            " asset_generation_started_at, asset_generation_completed_at, created_at, admitted_at, approval,"
            " awaiting_approval_since)"
        ),
    ),
    "asset_generation_jobs": ("SELECT",),
    "inbox": ("SELECT",),
    "command_outbox": ("SELECT", "INSERT"),
    "erasures": ("SELECT (story_id, due_at)",),
    "stale_objects": ("SELECT (story_id, since)",),
    "webhook_endpoints": ("SELECT (id, tenant_id, url, enabled, disabled_reason, failing_since)",),
    "webhook_deliveries": ("SELECT (id, endpoint_id, state, next_at)",),
}
"""What operators' commands and the runbook's queries read and write."""

ROLES: Mapping[str, Grants] = {"api": API, "status": STATUS, "webhooks": WEBHOOKS, "ops": OPS}
"""The migrations are the database owner's, who needs no grant."""
