"""Measures what was built: `python -m bench --help`."""
