"""What the unit tests share."""

from hypothesis import HealthCheck, settings

from tests.fakes.logs import logged
from tests.unit.privacy import every_line

__all__ = ["every_line", "logged"]

# How fast the machine is today is no property of the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
