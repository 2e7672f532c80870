"""Measures what was built: `python -m bench --help`, `python -m bench.fairness`."""
