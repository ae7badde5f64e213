"""When to look again at a job that runs elsewhere, and when to stop looking."""

from dataclasses import dataclass

__all__ = ["Polling"]


@dataclass(frozen=True, slots=True)
class Polling:
    """Waits that grow from `first_seconds` to `longest_seconds` and end after `timeout_seconds`.

    The growth keeps a short job quick and a long one cheap: an hour takes about 130 looks,
    not 720 of 5 s each.
    """

    timeout_seconds: int
    first_seconds: int = 2
    longest_seconds: int = 30
    growth: float = 1.25

    def wait_seconds(self, attempt: int) -> int:
        """Return the whole seconds to wait before look number `attempt` (from 0)."""
        # Past this exponent any first wait has reached the longest; a float would overflow.
        grown = self.first_seconds * self.growth ** min(attempt, 32)
        return max(1, min(self.longest_seconds, int(grown)))

    @property
    def attempts(self) -> int:
        """How many looks fit into the time-out; at least one."""
        waited = 0
        attempt = 0
        while waited < self.timeout_seconds:
            waited += self.wait_seconds(attempt)
            attempt += 1
        return max(1, attempt)

    def exhausted(self, looks: int) -> bool:
        """Check whether polling ends after this many looks."""
        return looks >= self.attempts
