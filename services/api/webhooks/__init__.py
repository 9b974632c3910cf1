"""``/webhooks``: a tenant's endpoints, the log of what they were sent, and sending it again."""
