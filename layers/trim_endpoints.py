"""Leaves in botocore's list of hosts, which it reads at each start, those of some services."""

import json
import sys
from pathlib import Path

path, *kept = sys.argv[1:]
content = json.loads(Path(path).read_text())
for partition in content["partitions"]:
    services = partition["services"]
    partition["services"] = {name: services[name] for name in kept if name in services}
Path(path).write_text(json.dumps(content, separators=(",", ":")))
