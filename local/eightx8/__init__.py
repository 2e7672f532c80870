"""8x8's SMS API on loopback, as its documentation describes it, faults included."""

from local.eightx8.instructions import Course, Instruction
from local.eightx8.platform import Pace
from local.eightx8.records import CallbackAttempt, SendRequest, SmsMessage
from local.eightx8.scenarios import Fault, Receipt, Scenario
from local.eightx8.simulator import EightX8Simulator

__all__ = [
    "CallbackAttempt",
    "Course",
    "EightX8Simulator",
    "Fault",
    "Instruction",
    "Pace",
    "Receipt",
    "Scenario",
    "SendRequest",
    "SmsMessage",
]
