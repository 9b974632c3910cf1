"""Objects by the S3 protocol."""
