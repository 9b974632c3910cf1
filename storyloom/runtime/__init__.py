"""What any process needs: settings, logs, metrics, supervision, priorities. No I/O of the product's own."""
