"""In-memory stand-ins that obey the same contract tests as the real things (tests/contract)."""
