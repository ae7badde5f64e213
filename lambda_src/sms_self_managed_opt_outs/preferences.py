"""A number's word about each category of messages, and the effect of one more message.

The last word counts: the latest message about the category or about `all`, by the time at which the
topic received it, whatever the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sms_self_managed_opt_outs.keywords import EVERY_CATEGORY

__all__ = ["Decision", "Outcome", "Preference", "Status", "decide", "opted_in", "opted_out"]


class Status(StrEnum):
    """A number's word about one category."""

    OPTED_IN = "OPTED_IN"
    OPTED_OUT = "OPTED_OUT"


class Outcome(StrEnum):
    """The effect of a message.

    SUPERSEDED: a later message arrived before it. ANSWERED: the keyword changes nothing.
    """

    CHANGED = "CHANGED"
    ALREADY = "ALREADY"
    SUPERSEDED = "SUPERSEDED"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True, slots=True)
class Preference:
    """The last word of a number about a category: the message, and when it was said (epoch ms).

    `changed_at` is the time of the message that brought the status about.
    """

    category: str
    status: Status
    said_at: int
    message_id: str
    changed_at: int


Known = Mapping[str, Preference]


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of a message, and the preferences to write."""

    outcome: Outcome
    writes: tuple[Preference, ...] = ()


def decide(
    wanted: Status, category: str, known: Known, *, said_at: int, message_id: str
) -> Decision:
    """Decide the effect of a message that opts a number out or in.

    Args:
        known: the number's preferences by category.
    """
    last = _last_word(category, known)
    if last is not None and last.said_at > said_at:
        return Decision(Outcome.SUPERSEDED)

    others = _other_words(category, known, wanted, said_at)
    unchanged = last is not None and last.status is wanted and not others
    changed_at = last.changed_at if last is not None and unchanged else said_at
    writes = [Preference(category, wanted, said_at, message_id, changed_at)]
    writes += [Preference(one, wanted, said_at, message_id, said_at) for one in others]
    return Decision(Outcome.ALREADY if unchanged else Outcome.CHANGED, tuple(writes))


def _last_word(category: str, known: Known) -> Preference | None:
    """Return the later of the words about the category and about `all`.

    Words of one time are in the order in which they are recorded: a message about `all` also takes
    back the other words, so the category's own word is the last.
    """
    words = [known[one] for one in (category, EVERY_CATEGORY) if one in known]
    return max(words, key=lambda word: word.said_at, default=None)


def _other_words(category: str, known: Known, wanted: Status, said_at: int) -> list[str]:
    """Return the categories with another word, which a message about `all` takes back."""
    if category != EVERY_CATEGORY:
        return []
    return [
        one
        for one, word in sorted(known.items())
        if one != EVERY_CATEGORY and word.status is not wanted and word.said_at <= said_at
    ]


def opted_out(known: Known, categories: Iterable[str]) -> tuple[str, ...]:
    """Return the categories that must not be sent to the number, sorted.

    `all` goes first where the number opted out of all messages, and into no category since.
    """
    out = tuple(
        one
        for one in sorted({*categories, *known} - {EVERY_CATEGORY})
        if (word := _last_word(one, known)) is not None and word.status is Status.OPTED_OUT
    )
    everything = known.get(EVERY_CATEGORY)
    covers = everything is not None and everything.status is Status.OPTED_OUT
    return (EVERY_CATEGORY, *out) if covers and not opted_in(known, ()) else out


def opted_in(known: Known, categories: Iterable[str]) -> tuple[str, ...]:
    """Return the categories into which the number opted by its last word, sorted."""
    return tuple(
        one
        for one in sorted({*categories, *known} - {EVERY_CATEGORY})
        if (word := _last_word(one, known)) is not None and word.status is Status.OPTED_IN
    )
