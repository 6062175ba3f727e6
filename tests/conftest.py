"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# Machines are shared and slow at times, which is no property of the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")
