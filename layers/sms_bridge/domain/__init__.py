"""The rules of the bridge. Nothing in here imports AWS or HTTP."""
