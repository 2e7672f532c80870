"""What all tests share."""

from hypothesis import HealthCheck, settings

# How fast the machine is today is no property of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
