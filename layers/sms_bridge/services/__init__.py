"""What each function does: the rules, HTTP and storage put together."""
