"""Run the content service: ``python -m services.content``."""

from services.content.app import compose
from storyloom.jobs.worker import main

if __name__ == "__main__":
    main(compose)
