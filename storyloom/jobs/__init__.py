"""How one job is run: heartbeat, time-out, retry, dead letter, manifest, event; the same for every worker."""
