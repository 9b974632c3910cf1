"""``make test-compose``: docker-compose.yml really brought up, used and disturbed, and nothing of it left.

Apart from the suite: it builds eight images, and needs a container engine.
"""
