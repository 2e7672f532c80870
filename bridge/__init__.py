"""`sms-bridge`: the operators' command-line tool."""
