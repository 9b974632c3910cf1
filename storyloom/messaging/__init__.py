"""NATS JetStream: topology, connection, pull consumer, publisher."""
