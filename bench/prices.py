"""AWS's list prices, us-east-1, US dollars, November 2026, without free tiers."""

HTTP_API_REQUEST = 1.00e-6
"""The first 300 million a month; a request is up to 512 KB."""

LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 0.0000133334
"""arm64."""

DYNAMODB_WRITE_UNIT = 0.625e-6
DYNAMODB_READ_UNIT = 0.125e-6
DYNAMODB_GB_MONTH = 0.25
DYNAMODB_BACKUP_GB_MONTH = 0.20
"""Point-in-time recovery."""

SQS_REQUEST = 0.40e-6
"""A batch of up to 10 records and 256 KB is one."""

LOGS_GB = 0.50
"""Taken in by CloudWatch Logs."""

XRAY_TRACE = 5.00e-6
SECRET_CALL = 0.05 / 10_000
DATA_OUT_GB = 0.09
METRIC_MONTH = 0.30
