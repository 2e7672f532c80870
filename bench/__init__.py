"""Measures what was built: `python -m bench --help`, `-m bench.load`, `-m bench.burst`."""
