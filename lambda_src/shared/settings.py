"""Settings a function reads from its environment, once, at its cold start."""

import os
from collections.abc import Mapping

__all__ = ["MissingSetting", "optional_env", "required_env"]


class MissingSetting(RuntimeError):
    """A function was deployed without an environment variable that it needs."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Environment variable {name} is missing or empty: "
            f"set it in the function's `environment`."
        )
        self.name = name


def required_env(name: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the value of an environment variable.

    Raises:
        MissingSetting: it is absent or empty; the cold start fails, naming the variable.
    """
    value = optional_env(name, environ)
    if value is None:
        raise MissingSetting(name)
    return value


def optional_env(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the value of an environment variable, or None when it is absent or empty."""
    return (os.environ if environ is None else environ).get(name) or None
