"""A page in the browser on which the local stack is seen and driven."""

from local.console.server import console

__all__ = ["console"]
