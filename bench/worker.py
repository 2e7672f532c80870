"""Runs one function as Lambda does: alone, in a fresh process, started by ``bench.artifact``.

Imports the module ``app`` from the folders it is given, which is all of a function's start-up, then
hands it events. It imports nothing before that is done but what all functions import.
"""

import sys
import time


def main() -> None:
    folders, most, slowness, wanted = sys.argv[1:]
    sys.path[:0] = folders.split(":")
    clock = time.monotonic
    if slowness != "1":
        _have_patience(int(slowness))

    import app  # type: ignore[import-not-found]

    start_cpu = time.process_time()

    import json

    answers, invocations, least = [], [], float("inf")
    for event in json.load(sys.stdin)[: int(most)]:
        began, cpu = clock(), time.process_time()
        answers.append(app.handler(event, _Context))
        invocations.append((began, clock()))
        least = min(least, time.process_time() - cpu)

    # Instruction counts end here: what an interpreter does to end is no part of a start-up.
    import os

    if wanted:
        with open("/proc/self/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
        result = {
            "start_cpu": start_cpu,
            "peak_kb": int(lines["VmHWM"].split()[0]),
            "answers": answers,
            "invocations": invocations,
            "cpu": least,
        }
        sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)


def _have_patience(slowness: int) -> None:
    """Make all time limits longer: valgrind and moto take many times what a program has."""
    import socket
    import threading

    began, monotonic = time.monotonic(), time.monotonic
    time.monotonic = lambda: began + (monotonic() - began) / slowness
    for kind, name in ((threading.Condition, "wait"), (socket.socket, "settimeout")):
        limited = getattr(kind, name)
        setattr(kind, name, lambda one, s=None, call=limited: call(one, s and s * slowness))


class _Context:
    function_name = "sms-bridge-Function"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:sms-bridge-Function"
    memory_limit_in_mb = 512
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


if __name__ == "__main__":
    main()
