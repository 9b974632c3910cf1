"""Performance, measured: ratios within one run, medians over rounds. Results and their method: README.md."""
