"""Run the documents service: ``python -m services.documents``."""

from services.documents.app import compose
from storyloom.jobs.worker import main

if __name__ == "__main__":
    main(compose)
