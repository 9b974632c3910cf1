"""Run the audio service: ``python -m services.audio``."""

from services.audio.app import compose
from storyloom.jobs.worker import main

if __name__ == "__main__":
    main(compose)
