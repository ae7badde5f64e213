"""What a person has to know when a tool of this project cannot go on."""

from __future__ import annotations


class ToolError(Exception):
    """Says in one message what is wrong, which rule it breaks, and the way out."""
