"""``deploy``: who may do what on NATS and in Postgres, as the servers are told it."""
