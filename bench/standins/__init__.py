"""What stands in for AWS, 8x8 and MoEngage while something is measured, and counts all requests."""
