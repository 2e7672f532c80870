"""What arrives over HTTP and what leaves over it."""
