"""What all tests share."""

import gc
import os

from hypothesis import HealthCheck, settings

# How fast the machine is today is no property of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# moto and pytest keep much that is never garbage, and looking for some there takes seconds.
gc.set_threshold(50_000, 20, 50)

# What tests call is on loopback, whatever proxy this machine has; what fetches packages needs it.
for name in [one for one in os.environ if one.endswith("_proxy")]:
    os.environ.setdefault(name.upper(), os.environ.pop(name))
os.environ["NO_PROXY"] = f"127.0.0.1,localhost,{os.environ.get('NO_PROXY', '')}"
