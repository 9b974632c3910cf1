"""Metrics, in Prometheus's terms. Labels are services, lanes and outcomes: never a story, never a tenant."""

from prometheus_client import Counter, Gauge, Histogram

JOBS = Counter("storyloom_jobs_total", "Jobs that ended.", ["service", "outcome"])
RETRIES = Counter("storyloom_job_retries_total", "Attempts that failed and will be made again.", ["service"])
SECONDS = Histogram(
    "storyloom_job_seconds",
    "Seconds from taking a job to its end, of the attempt that ended it.",
    ["service"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)
EVENTS = Counter("storyloom_events_total", "Events heard by the projector.", ["outcome"])
PROJECTOR_LAG = Gauge("storyloom_projector_lag_seconds", "Age of the event that was folded in last.")
RECONCILED = Counter("storyloom_reconciler_actions_total", "What the reconciler put back.", ["kind"])
READERS = Gauge("storyloom_stream_readers", "Open progress streams.")
STORIES = Counter("storyloom_stories_total", "Stories that ended.", ["overall"])
