"""A Pinpoint-compatible engagement service in the account of its user."""
