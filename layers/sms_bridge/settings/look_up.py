"""What ``look_up_message`` needs to know."""

from sms_bridge.values import value


@value(kw_only=True)
class LookUpSettings:
    """Settings of ``look_up_message``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]
