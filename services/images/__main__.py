"""Run the images service: ``python -m services.images``."""

from services.images.app import compose
from storyloom.jobs.worker import main

if __name__ == "__main__":
    main(compose)
