"""Settings of ``look_up_message``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LookUpSettings:
    """Settings of ``look_up_message``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]
