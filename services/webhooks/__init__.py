"""Consumes DeliveriesDue. Publishes nothing.

Sends what tenants want to be notified of to their endpoints, signed, again and again until it is taken.
"""
