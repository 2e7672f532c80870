"""How the bridge calls AWS."""

from botocore.config import Config

# AWS answers within milliseconds. A call that takes a second will not come back, while another
# one mostly does; and MoEngage waits for the answer.
AWS_CALLS = Config(
    connect_timeout=0.5,
    read_timeout=1.0,
    retries={"mode": "standard", "total_max_attempts": 3},
)
