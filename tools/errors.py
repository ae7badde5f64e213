"""The error that ends a tool of this project with a message for its user."""

from __future__ import annotations


class ToolError(Exception):
    """A tool cannot continue. The message names the input, the rule and the way out."""
