"""Metrics, in Prometheus's terms. Labels are services, lanes and outcomes: never a story, never a tenant."""

from prometheus_client import Counter, Gauge, Histogram

JOBS = Counter("storyloom_jobs_total", "Jobs that ended.", ["service", "outcome"])
FAILURES = Counter("storyloom_job_failures_total", "Jobs that failed for good, by reason.", ["service", "code"])
RETRIES = Counter("storyloom_job_retries_total", "Attempts that failed and will be retried.", ["service"])
SECONDS = Histogram(
    "storyloom_job_seconds",
    "Seconds from a job's delivery to its end, of the attempt that ended it.",
    ["service"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)
JOB_WAIT_SECONDS = Histogram(
    "storyloom_job_wait_seconds",
    "Seconds from the commit that needed a job to its first delivery to a worker.",
    ["service", "priority"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
REDELIVERIES = Counter(
    "storyloom_job_redeliveries_total",
    "Deliveries of jobs after their first, retries among them; those that the reconciler requeued count, too.",
    ["service"],
)
EVENTS = Counter("storyloom_events_total", "Events that the projector handled.", ["outcome"])
PROJECTOR_LAG = Gauge("storyloom_projector_lag_seconds", "Age of the event that was applied last.")
RECONCILED = Counter("storyloom_reconciler_actions_total", "What the reconciler repaired.", ["kind"])
READERS = Gauge("storyloom_stream_readers", "Open progress streams.")
STREAMS = Counter("storyloom_stream_opened_total", "Progress streams that were opened.", ["kind"])
STREAMS_ENDED = Counter("storyloom_stream_ended_total", "Progress streams that ended, by why.", ["why"])
FIRST_EVENT_SECONDS = Histogram(
    "storyloom_stream_first_event_seconds",
    "Seconds from the request of a new progress stream to its first event, or until its reader gave up without one.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LATE_ASSETS = Counter("storyloom_late_assets_total", "Assets that readers were told are late.", ["service"])
STORIES = Counter("storyloom_stories_total", "Stories that ended.", ["overall"])
STORY_SECONDS = Histogram(
    "storyloom_story_seconds",
    "Seconds from a story's admission, its approval, or the command that opened it again, to its end.",
    ["overall"],
    buckets=(1, 5, 15, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600, 7200),
)
POOL_WAIT_SECONDS = Histogram(
    "storyloom_database_pool_wait_seconds",
    "Seconds until a connection to Postgres was free, or was opened.",
    buckets=(0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10),
)

PROVIDER_SECONDS = Histogram(
    "storyloom_provider_seconds",
    "Seconds of a call to a provider, without its wait in the gate's queue.",
    ["provider", "endpoint"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 240),
)
PROVIDER_CALLS = Counter("storyloom_provider_calls_total", "Calls to a provider that ended.", ["provider", "outcome"])
PROVIDER_COST = Counter("storyloom_provider_cost_usd_total", "US dollars, by the price list.", ["provider", "model"])
PROVIDER_REJECTED = Counter(
    "storyloom_provider_calls_rejected_total",
    "Calls that were not made, since the circuit breaker was open.",
    ["provider", "why"],
)
PROVIDER_BREAKER = Gauge(
    "storyloom_provider_breaker_state", "0: closed. 1: half-open, one call probes. 2: open.", ["provider"]
)
PROVIDER_SHUT = Gauge(
    "storyloom_provider_shut",
    "1 while no call goes to a provider. away: it does not answer. not_allowed, out_of_quota: people must act.",
    ["provider", "why"],
)
PROVIDER_LIMIT = Gauge("storyloom_provider_limit", "Calls that may be in flight at once.", ["provider"])
PROVIDER_IN_FLIGHT = Gauge("storyloom_provider_in_flight", "Calls in flight.", ["provider"])
PROVIDER_WAITING = Gauge("storyloom_provider_waiting", "Calls that wait in the gate's queue.", ["provider"])
REMADE = Counter(
    "storyloom_jobs_remade_total",
    "Redelivered jobs made again whose earlier worker may have paid: what can have been paid twice, at most.",
    ["service"],
)
ANSWERS_KEPT = Counter(
    "storyloom_paid_answers_kept_total",
    "Answers of providers that an interrupted job had paid for and that its next attempt took up.",
    ["service"],
)
ADOPTED = Counter("storyloom_results_adopted_total", "Results that an earlier worker had made.", ["service"])
PAID_UNSTORED_SECONDS = Histogram(
    "storyloom_paid_unstored_seconds",
    "Seconds from a provider's last answer to the manifest: a worker that dies in between lets it be paid for twice.",
    ["service"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
WAITS = Counter(
    "storyloom_job_waits_total", "Jobs requeued untried: a provider or the store is unavailable.", ["service"]
)
LOOP_CRASHES = Counter("storyloom_loop_crashes_total", "Crashes of endless loops, which are restarted.", ["loop"])
LOOP_FAILING = Gauge("storyloom_loop_failing", "1 while a loop crashes again and again.", ["loop"])
COMMANDS = Counter("storyloom_commands_total", "Commands that were accepted from clients.", ["event"])
SWEEPS = Counter("storyloom_erasure_sweeps_total", "Searches for what is left of deleted stories.", ["outcome"])
STALE_OBJECTS = Counter(
    "storyloom_stale_objects_deleted_total", "Objects that no row referred to any more, deleted after their grace."
)

WEBHOOK_ATTEMPTS = Counter("storyloom_webhook_attempts_total", "Attempts to deliver to an endpoint.", ["outcome"])
WEBHOOK_SECONDS = Histogram(
    "storyloom_webhook_attempt_seconds",
    "Seconds of an attempt, from the name's resolution to the answer.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60),
)
WEBHOOK_LAG = Histogram(
    "storyloom_webhook_lag_seconds",
    "Seconds from an event's commit to the beginning of its first attempt.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
WEBHOOK_IN_FLIGHT = Gauge("storyloom_webhook_in_flight", "Attempts under way in this process.", ["lane"])
WEBHOOK_DISABLED = Counter("storyloom_webhook_disabled_total", "Endpoints that were disabled.", ["reason"])

HTTP_SECONDS = Histogram(
    "storyloom_http_request_seconds",
    "Seconds until an answer was ready, or until a progress stream began, by the route's template.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
HTTP_IN_FLIGHT = Gauge("storyloom_http_requests_in_flight", "Requests of clients in flight, streams among them.")
HTTP_REFUSED = Counter("storyloom_http_refused_total", "What was refused before it was a request.", ["code"])

# From NATS and rows; every replica of status reports the same, so take the greatest. NaN: unknown just now.
QUEUED = Gauge("storyloom_queue_jobs", "Jobs that wait for a worker, not delivered yet.", ["service", "priority"])
QUEUE_AGE = Gauge("storyloom_queue_oldest_seconds", "Age of the oldest of these, 0 for none.", ["service", "priority"])
IN_FLIGHT = Gauge(
    "storyloom_queue_in_flight",
    "Jobs delivered and not acknowledged: in flight with a worker, or waiting for their next attempt.",
    ["service", "priority"],
)
UNFINISHED = Gauge("storyloom_stories_unfinished", "Stories that are generating.")
STORIES_AWAITING_APPROVAL = Gauge(
    "storyloom_stories_awaiting_approval", "Those of these whose text waits until the client approves it."
)
STORIES_WAITING = Gauge("storyloom_stories_waiting", "Those of these that wait until their tenant has room for them.")
UNFINISHED_AGE = Gauge("storyloom_stories_oldest_seconds", "Age of the oldest of these, 0 for none.")
DEAD_LETTERS = Gauge("storyloom_dead_letters", "Messages on DEAD.")
OUTBOX_AGE = Gauge(
    "storyloom_outbox_oldest_seconds",
    "Age of the oldest row that is not handled yet, 0 for none: stories, commands; erasures: how long it is due.",
    ["kind"],
)
COMMANDS_UNHANDLED = Gauge("storyloom_commands_unhandled", "Clients' commands that the projector has not handled yet.")
PROJECTOR_PENDING = Gauge("storyloom_projector_pending", "Events that the projector has not finished.")
WEBHOOK_DUE = Gauge("storyloom_webhook_due", "Webhook deliveries that are due and claimed by nobody.")
WEBHOOK_DUE_AGE = Gauge(
    "storyloom_webhook_oldest_due_seconds", "How long the oldest of these has been due, 0 for none."
)
WEBHOOK_FAILING = Gauge("storyloom_webhook_endpoints_failing", "Enabled endpoints whose last attempt failed.")

# A counter that begins with its first event has no rate of it: what alerts count stands at 0 from the start.
for _overall in ("ready", "partial", "failed", "cancelled"):
    STORIES.labels(overall=_overall)
    STORY_SECONDS.labels(overall=_overall)
for _kind in ("new", "resumed"):
    STREAMS.labels(kind=_kind)
