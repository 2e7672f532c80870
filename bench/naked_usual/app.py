"""The same POST in urllib3's usual form, which does more: shown beside the other one."""

import os

import urllib3

target_url = os.environ["TARGET_URL"]
http = urllib3.PoolManager()
headers = {"content-type": "application/json"}


def handler(event: str, context: object) -> int:  # noqa: ARG001
    """Post the event, read the answer."""
    answer = http.request("POST", target_url, body=event.encode(), headers=headers)
    return len(answer.data)
