"""The built functions in AWS's own runtime emulator, under load: `python -m bench.load --help`."""
