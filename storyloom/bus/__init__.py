"""The bus: what streams there are, the one way to publish, the standing pull, and how a worker works on a job."""
