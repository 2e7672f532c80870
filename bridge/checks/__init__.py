"""What `sms-bridge doctor` looks at, one module a part of the bridge."""
