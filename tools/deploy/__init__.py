"""What checks and writes deploy/: `python -m tools.deploy provision | check | kustomize | values`."""
