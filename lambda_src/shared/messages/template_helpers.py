"""The helpers of Pinpoint's template dialect, as plain functions of values.

A helper gets its positional values, its named values and the render's clock, and returns a value.
An attribute is a list even when it has one value; a helper that wants text reads a list of one as
that value (AWS asks authors to write `.[0]`; both work here). A helper on a missing value gives
nothing, so a gap in the data never loses a message. A value that is there but makes no sense (a
word where a number belongs) raises `HelperProblem`.

Source: Pinpoint user guide, "Using message template helpers".
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from shared.messages.template_dates import DateProblem, read_date, write_date, zone

MAX_PADDED_LENGTH = 1_000  # `size=` of center, ljust and rjust: keeps one typo from filling memory
MAX_HELPER_CHARACTERS = 1_000_000  # of one result: more than an email's part may have
MAX_EXPONENT = 30  # `1e999999999` is a number too, and a gigabyte when it is written out
DIVISION_DECIMALS = Decimal("0.00000001")  # AWS's example prints eight

Clock = Callable[[], datetime]
Function = Callable[[Sequence[Any], Mapping[str, Any], Clock], Any]


class HelperProblem(ValueError):
    """A helper cannot work with the value it got; the message never carries the value."""


class Markup(str):
    """A text that its owner vouches for as HTML: `{{…}}` prints it as it is.

    A value of an endpoint is never one. A campaign's hook can make one of a value that it gives.
    """

    __slots__ = ()


def is_markup(value: Any) -> bool:
    """Check whether a value is markup, or a list of nothing else."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, Markup) for item in value)
    return isinstance(value, Markup)


def text_of(value: Any) -> str:
    """Print a value: a list as its values joined by ", ", a whole float without ".0"."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return _number_text(value)
    if isinstance(value, list | tuple):
        return ", ".join([text_of(item) for item in value])
    if isinstance(value, Mapping):
        return ""  # an object has no text of its own; name one of its members
    return str(value)


def is_missing(value: Any) -> bool:
    """Check for an absent value, an empty text or list, or a list of one empty text."""
    if isinstance(value, str):
        return not value
    if isinstance(value, list | tuple):
        return not value or (len(value) == 1 and value[0] in ("", None))
    return value is None


def single(value: Any) -> Any:
    """Return the value of a list of one; anything else as it is."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def truthy(value: Any) -> bool:
    """Evaluate truth as Handlebars does: not missing, not false, not zero."""
    value = single(value)
    return not is_missing(value) and value is not False and value != 0


def _number(value: Any) -> Decimal | None:
    value = single(value)
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(text_of(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _need_number(value: Any) -> Decimal:
    number = _number(value)
    if number is None:
        raise HelperProblem("needs a number")
    if number and not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise HelperProblem(f"needs a number between 1e-{MAX_EXPONENT} and 1e{MAX_EXPONENT}")
    return number


def _number_text(number: Decimal) -> str:
    if number == number.to_integral_value():
        return str(number.quantize(Decimal(1)) if abs(number) < Decimal("1e27") else number)
    return format(number.normalize(), "f")


def _whole(value: Any, name: str) -> int:
    number = _number(value)
    if number is None or not 0 <= number < 10**6 or number != number.to_integral_value():
        raise HelperProblem(f"{name} must be a whole number of 0 or more")
    return int(number)


def _compare(test: Callable[[Any, Any], bool]) -> Function:
    """Compare two values as numbers when both read as numbers, otherwise as text."""

    def compare(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> bool:
        left, right = _number(args[0]), _number(args[1])
        if left is not None and right is not None:
            return test(left, right)
        return test(text_of(single(args[0])), text_of(single(args[1])))

    return compare


def _text(function: Callable[[str, Sequence[Any], Mapping[str, Any]], str]) -> Function:
    """Return a helper on one text: missing gives nothing."""

    def run(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
        if is_missing(args[0]):
            return ""
        return function(text_of(args[0]), args[1:], named)

    return run


def _abbreviate(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    width = _whole(args[0], "the length")
    if len(text) <= width:
        return text
    return text[: width - 3] + "..." if width > 3 else text[:width]


def _padding(named: Mapping[str, Any]) -> tuple[int, str]:
    size = min(_whole(named.get("size"), "size="), MAX_PADDED_LENGTH)
    return size, (text_of(named.get("pad")) or " ")[0]


def _center(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    size, pad = _padding(named)
    left = (size - len(text)) // 2
    return (pad * left + text).ljust(size, pad) if left > 0 else text.ljust(size, pad)


def _slugify(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", text.lower()).strip())


def _substring(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    end = _whole(args[1], "the end offset") if len(args) > 1 else len(text)
    return text[_whole(args[0], "the start offset") : end]


def _capitalize(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    return re.sub(r"\S+", lambda word: word.group()[0].upper() + word.group()[1:], text)


def _decode64(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError as error:  # not base64, not ASCII, or not UTF-8
        raise HelperProblem("needs base64 of UTF-8 text") from error


def _hash(algorithm: str) -> Function:
    return _text(
        lambda text, args, named: hashlib.new(
            algorithm, text.encode(), usedforsecurity=False
        ).hexdigest()
    )


def _within(length: int) -> None:
    """Check the length of a result before it is made.

    Raises:
        HelperProblem: the text would be too long.
    """
    if length > MAX_HELPER_CHARACTERS:
        raise HelperProblem(f"would write more than {MAX_HELPER_CHARACTERS} characters")


def _replace(text: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    old, new = text_of(args[0]), text_of(args[1])
    _within(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _join(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    separator = text_of(args[-1])
    values = args[:-1]
    if len(values) == 1 and isinstance(values[0], list | tuple):
        values = values[0]
    if all(is_missing(value) for value in values):
        return ""
    texts = [text_of(value) for value in values]
    _within(sum(map(len, texts)) + len(separator) * len(texts))
    return text_of(named.get("prefix")) + separator.join(texts) + text_of(named.get("suffix"))


def _inflect(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    if is_missing(args[0]):
        return ""
    count = _need_number(args[0])
    word = text_of(args[1] if count == 1 else args[2])
    with_count = named.get("includeCount", args[3] if len(args) > 3 else False)
    shown = truthy(with_count) and text_of(single(with_count)).lower() != "false"
    return f"{_number_text(count)} {word}" if shown else word


def _ordinalize(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    if is_missing(args[0]):
        return ""
    number = _whole(args[0], "the value")
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _yesno(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    value = text_of(single(args[0])).lower()
    answer = "maybe" if not value else "no" if value in ("false", "no", "0") else "yes"
    return text_of(named.get(answer, answer))


def _now(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    pattern = text_of(named.get("format", args[0] if args else "medium"))
    where = zone(text_of(named["tz"])) if "tz" in named else UTC
    return write_date(clock().astimezone(where), pattern)


def _date_format(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
    if is_missing(args[0]):
        return ""
    where = zone(text_of(named["tz"])) if "tz" in named else UTC
    source = text_of(named["inputFormat"]) if "inputFormat" in named else None
    target = text_of(named.get("outputFormat", args[1] if len(args) > 1 else "medium"))
    moment = read_date(text_of(single(args[0])), source, where)
    return write_date(moment.astimezone(where) if "tz" in named else moment, target)


def _arithmetic(operation: Callable[[Decimal, Decimal], Decimal]) -> Function:
    def calculate(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
        if is_missing(args[0]) or is_missing(args[1]):
            return ""
        try:
            return _number_text(operation(_need_number(args[0]), _need_number(args[1])))
        except ArithmeticError as error:
            raise HelperProblem("divides by zero or leaves the range of numbers") from error

    return calculate


def _rounding(mode: str) -> Function:
    def rounded(args: Sequence[Any], named: Mapping[str, Any], clock: Clock) -> str:
        if is_missing(args[0]):
            return ""
        return _number_text(_need_number(args[0]).to_integral_value(rounding=mode))

    return rounded


def _divide(left: Decimal, right: Decimal) -> Decimal:
    return (left / right).quantize(DIVISION_DECIMALS, rounding=ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper and what it takes: how many values, which names, and whether it is a condition.

    `words`: an unquoted word that names no variable is a text, as in AWS's own examples
    (`tz=America/Los_Angeles`, `inflect 3 apple apples`).
    """

    function: Function
    least: int
    most: int
    named: frozenset[str] = frozenset()
    condition: bool = False
    words: bool = False


def _condition(function: Function, least: int, most: int) -> Helper:
    return Helper(function, least, most, frozenset({"yes", "no"}), condition=True)


_MANY = 20
_PAD = frozenset({"size", "pad"})
_DATES = frozenset({"tz", "locale"})

HELPERS: dict[str, Helper] = {
    "and": _condition(lambda args, named, clock: all(map(truthy, args)), 2, _MANY),
    "or": _condition(lambda args, named, clock: any(map(truthy, args)), 2, _MANY),
    "not": _condition(lambda args, named, clock: not truthy(args[0]), 1, 1),
    "eq": _condition(_compare(lambda left, right: left == right), 2, 2),
    "neq": _condition(_compare(lambda left, right: left != right), 2, 2),
    "gt": _condition(_compare(lambda left, right: left > right), 2, 2),
    "gte": _condition(_compare(lambda left, right: left >= right), 2, 2),
    "lt": _condition(_compare(lambda left, right: left < right), 2, 2),
    "lte": _condition(_compare(lambda left, right: left <= right), 2, 2),
    "abbreviate": Helper(_text(_abbreviate), 2, 2),
    "capitalize": Helper(_text(_capitalize), 1, 1),
    "capitalizeFirst": Helper(_text(lambda text, args, named: text[0].upper() + text[1:]), 1, 1),
    "center": Helper(_text(_center), 1, 1, _PAD),
    "cut": Helper(
        _text(lambda text, args, named: text.replace(text_of(args[0]) if args else " ", "")), 1, 2
    ),
    "inflect": Helper(_inflect, 3, 4, frozenset({"includeCount"}), words=True),
    "join": Helper(_join, 2, _MANY, frozenset({"prefix", "suffix"})),
    "ljust": Helper(_text(lambda text, args, named: text.ljust(*_padding(named))), 1, 1, _PAD),
    "rjust": Helper(_text(lambda text, args, named: text.rjust(*_padding(named))), 1, 1, _PAD),
    "lower": Helper(_text(lambda text, args, named: text.lower()), 1, 1),
    "upper": Helper(_text(lambda text, args, named: text.upper()), 1, 1),
    "ordinalize": Helper(_ordinalize, 1, 1),
    "replace": Helper(_text(_replace), 3, 3),
    "slugify": Helper(_text(_slugify), 1, 1),
    "stripTags": Helper(_text(lambda text, args, named: re.sub(r"<[^<>]*>", "", text)), 1, 1),
    "substring": Helper(_text(_substring), 2, 3),
    "yesno": Helper(_yesno, 1, 1, frozenset({"yes", "no", "maybe"})),
    "now": Helper(_now, 0, 1, _DATES | {"format"}, words=True),
    "dateFormat": Helper(_date_format, 1, 2, _DATES | {"inputFormat", "outputFormat"}, words=True),
    "add": Helper(_arithmetic(lambda left, right: left + right), 2, 2),
    "subtract": Helper(_arithmetic(lambda left, right: left - right), 2, 2),
    "multiply": Helper(_arithmetic(lambda left, right: left * right), 2, 2),
    "divide": Helper(_arithmetic(_divide), 2, 2),
    "modulo": Helper(_arithmetic(lambda left, right: left % right), 2, 2),
    "round": Helper(_rounding(ROUND_HALF_UP), 1, 1),
    "ceiling": Helper(_rounding(ROUND_CEILING), 1, 1),
    "floor": Helper(_rounding(ROUND_FLOOR), 1, 1),
    "encode64": Helper(
        _text(lambda text, args, named: base64.b64encode(text.encode()).decode()), 1, 1
    ),
    "decode64": Helper(_text(_decode64), 1, 1),
    "md5": Helper(_hash("md5"), 1, 1),
    "sha256": Helper(_hash("sha256"), 1, 1),
    "sha512": Helper(_hash("sha512"), 1, 1),
    "uuid": Helper(lambda args, named, clock: str(uuid.uuid4()), 0, 0),
}

__all__ = [
    "HELPERS",
    "Clock",
    "DateProblem",
    "Helper",
    "HelperProblem",
    "is_missing",
    "single",
    "text_of",
    "truthy",
]
