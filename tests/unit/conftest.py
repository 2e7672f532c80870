"""What the unit tests share."""

from tests.fakes.logs import logged
from tests.unit.privacy import every_line

__all__ = ["every_line", "logged"]
