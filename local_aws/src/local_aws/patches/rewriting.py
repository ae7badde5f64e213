"""Change single expressions inside a function of the emulator.

Some gaps are one expression wide in the middle of a long function: copying the function would
be a fork, wrapping it cannot reach the expression. ``rewrite`` compiles the function again from
its own source with that text replaced, and refuses when the text is not there exactly once.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from local_aws.names import MinistackChanged


def rewrite(owner: Any, name: str, *changes: tuple[str, str], **helpers: Any) -> None:
    """Replace ``owner.name`` (a function of a module or class) by its edited copy.

    Each change is (text that occurs exactly once, its replacement); ``helpers`` become names
    that the replacement may use.

    Raises:
        MinistackChanged: a text is missing or ambiguous, so the change cannot be made.
    """
    original = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    for old, new in changes:
        if source.count(old) != 1:
            raise MinistackChanged(
                f"local_aws edits {owner.__name__}.{name}, where {old!r} should occur once and "
                f"occurs {source.count(old)} times. Install the pinned ministack."
            )
        source = source.replace(old, new)
    namespace = original.__globals__
    namespace.update(helpers)
    made: dict[str, Any] = {}
    code = compile(source, f"{inspect.getsourcefile(original)} (edited)", "exec")
    exec(code, namespace, made)  # the source is the pinned package's own, not anybody's input
    setattr(owner, name, made[name])
