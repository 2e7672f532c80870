"""JSON as the bridge writes it."""

import json

json_text = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
"""Writes a value as JSON, without blanks. Made once: ``json.dumps`` makes a writer for each call.

It does not look for circles: what the bridge writes is its own.
"""
