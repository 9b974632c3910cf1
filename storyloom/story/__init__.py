"""The story, pure: its graph of assets, its events and jobs, its results and failures. No I/O in here."""
