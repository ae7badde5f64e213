"""Match the text of an inbound message against configured words, whole words only.

A message is compared as a list of tokens: Unicode is folded to its compatibility form (NFKC),
letters to one case, and characters that a reader does not see or read (zero-width characters,
variation selectors, emoji) and punctuation around a token are removed. The dotted and the dotless i
of Turkish are one letter, because the case of I depends on the language. A word never matches a
part of a token, so that `END` matches neither *weekend* nor *send*.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "EVERY_CATEGORY",
    "Action",
    "BadKeywords",
    "Keyword",
    "Keywords",
    "Match",
    "keywords_from",
    "tokens_of",
]

EVERY_CATEGORY = "all"
"""The category of an opt-out of, or an opt-in to, all messages."""

# A token that is longer is no word, and a longer message is no keyword: both limits only bound the
# work on a hostile message. A concatenated SMS has 1,600 characters at most.
_LONGEST_TEXT = 2000
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")  # noqa: RUF001
_TURKISH_I = re.compile("[i\u0131]\u0307*")
# Unicode's Default_Ignorable_Code_Point outside the category Cf, which an app can leave behind: the
# grapheme joiner, Hangul fillers, inherent vowels of Khmer, variation selectors. The enclosing
# keycap and the Arabic tatweel change the look of the characters before them, not the word.
_INVISIBLE = frozenset(
    "\u034f\u0640\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u20e3\u3164\uffa0"
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


class BadKeywords(ValueError):
    """The settings of the keywords are not valid. The message names the keyword and the rule."""


class Action(StrEnum):
    """The effect of a keyword."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    REPLY = "reply"

    @property
    def changes(self) -> bool:
        return self in (Action.OPT_OUT, Action.OPT_IN)


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword: its action, and the texts that answer it by language."""

    name: str
    action: Action
    category: str | None = None
    replies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A keyword that was found, and the language of the word."""

    keyword: Keyword
    language: str

    def reply(self, default_language: str) -> str | None:
        """Return the text in the language of the word, or in the default language, if any."""
        replies = self.keyword.replies
        return replies.get(self.language) or replies.get(default_language)


def tokens_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in comparable form."""
    folded = unicodedata.normalize("NFKC", text[:_LONGEST_TEXT]).translate(_DASHES).casefold()
    visible = "".join(
        " " if _separates(character) else character
        for character in folded
        if not _is_invisible(character)
    )
    # Folding the case of some letters decomposes them, so the text is composed once more.
    composed = unicodedata.normalize("NFKC", _TURKISH_I.sub("i", visible))
    return tuple(filter(None, (_without_punctuation(token) for token in composed.split())))


def _is_invisible(character: str) -> bool:
    # Cf: zero-width characters, marks of direction, soft hyphens.
    return character in _INVISIBLE or unicodedata.category(character) == "Cf"


def _separates(character: str) -> bool:
    """Check for control characters, emoji and other symbols between words.

    Cs: half of an emoji, where a message was cut or put together between its halves.
    """
    return unicodedata.category(character) in ("Cc", "Cs", "So", "Sk", "Co", "Cn")


def _without_punctuation(token: str) -> str:
    start, end = 0, len(token)
    while start < end and unicodedata.category(token[start])[0] in "PSZ":
        start += 1
    while end > start and unicodedata.category(token[end - 1])[0] in "PSZ":
        end -= 1
    return token[start:end]


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words of all keywords, by their tokens."""

    whole: Mapping[tuple[str, ...], Match]
    first: Mapping[tuple[str, ...], Match]
    longest_first: int = 0

    def match(self, text: str) -> Match | None:
        """Return the keyword that is the whole message, or with which the message begins.

        A keyword that is the whole message goes first; of the others the longest one.
        """
        tokens = tokens_of(text)
        if found := self.whole.get(tokens):
            return found
        for length in range(min(self.longest_first, len(tokens)), 0, -1):
            if found := self.first.get(tokens[:length]):
                return found
        return None


def keywords_from(settings: Mapping[str, Mapping[str, Any]]) -> Keywords:
    """Read the keywords as Terraform writes them.

    Raises:
        BadKeywords: a keyword has no words, two keywords share a word, or a category lacks.
    """
    whole: dict[tuple[str, ...], Match] = {}
    first: dict[tuple[str, ...], Match] = {}
    for name, one in settings.items():
        keyword = _keyword(name, one)
        for language, words in one.get("words", {}).items():
            for tokens in _tokens(name, words):
                known = whole.get(tokens)
                if known is not None and known.keyword != keyword:
                    raise BadKeywords(
                        f"keywords.{name} and keywords.{known.keyword.name} share a word: "
                        "one message would have two meanings. Remove the word from one of them."
                    )
                match = whole.setdefault(tokens, Match(keyword, language))
                if one.get("match") == "first_word":
                    first.setdefault(tokens, match)
    return Keywords(whole, first, max(map(len, first), default=0))


def _keyword(name: str, settings: Mapping[str, Any]) -> Keyword:
    try:
        action = Action(settings["action"])
    except (KeyError, ValueError) as error:
        raise BadKeywords(f"keywords.{name}.action must be one of {', '.join(Action)}.") from error
    category = settings.get("category")
    if action.changes and not category:
        raise BadKeywords(f"keywords.{name}.category must name a category, or {EVERY_CATEGORY}.")
    return Keyword(
        name, action, category if action.changes else None, dict(settings.get("replies") or {})
    )


def _tokens(name: str, words: Iterable[str]) -> Sequence[tuple[str, ...]]:
    found = [tokens_of(word) for word in words]
    if not all(found):
        raise BadKeywords(
            f"keywords.{name}.words has a word of punctuation or symbols alone, which no message "
            "can match. Use letters or digits."
        )
    return found
