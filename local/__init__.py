"""The whole bridge on one machine: an AWS emulator, both services simulated, and a campaign."""
