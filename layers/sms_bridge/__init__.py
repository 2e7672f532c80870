"""The SMS bridge between MoEngage and 8x8; ``docs/architecture.md`` says what is where."""

__version__ = "0.1.0"
