"""The rules of engagement, pure: no AWS, no environment, no clock."""
