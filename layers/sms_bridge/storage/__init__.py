"""DynamoDB, SQS and Secrets Manager, behind interfaces that an in-memory fake can obey."""
