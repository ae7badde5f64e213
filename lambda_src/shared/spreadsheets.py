"""Marks that spreadsheets leave in CSV files: a separator line, padding, and damaged values."""

import re

__all__ = [
    "SEPARATORS",
    "UnknownSeparator",
    "damage",
    "may_be_damaged",
    "named_separator",
    "trimmed",
]

SEPARATORS = ",;\t|"

# Excel reads the separator from a first line `sep=;`, and other programs write that line for Excel.
_SEPARATOR_LINE = re.compile(rf'("?)sep=([{SEPARATORS}])\1 *[\r\n]*', re.IGNORECASE)
_SEPARATOR_LINE_START = re.compile(r'"?sep=', re.IGNORECASE)

# Zero width spaces and joiners, and the marks of writing direction that address books copy along.
_INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff"
    "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_EDGES = _SPACES + _INVISIBLE

# The errors of formulas in English and German, and the fill of a column that is too narrow.
_ERROR = re.compile(
    r"#(?:(?:REF|VALUE|DIV/0|NUM|NULL|SPILL|CALC|FIELD|BLOCKED|CONNECT|BUSY|UNKNOWN|BEZUG|WERT|ZAHL)!"
    r"|NAME\?|N/A|NV|GETTING_DATA|#+)"
)
IDENTITY = frozenset({"Address", "Id", "User.UserId"})
_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{1,3}", re.IGNORECASE)


class UnknownSeparator(ValueError):
    """A first line begins with `sep=` and names no separator; the message has the way out."""


def named_separator(line: str) -> str | None:
    """Return the separator that a first line `sep=;` names; None for another line.

    Raises:
        UnknownSeparator: the line begins with `sep=` and names something else.
    """
    if named := _SEPARATOR_LINE.fullmatch(line):
        return named[2]
    if _SEPARATOR_LINE_START.match(line):
        raise UnknownSeparator(
            'The first line begins with "sep=", and a comma, semicolon, tab or bar alone must '
            "follow. Remove the line, separate the columns with one of these, and upload the file "
            "again."
        )
    return None


def trimmed(cell: str) -> str:
    """Return the cell without white space and invisible characters at its ends."""
    return cell.strip() if cell.isascii() else cell.strip(_EDGES)


def may_be_damaged(text: str) -> bool:
    """Check cheaply whether a cell, or a line of cells, may hold damage."""
    return "#" in text or "E+" in text or "e+" in text


def damage(column: str, cell: str) -> str | None:
    """Return the rule against a cell that a spreadsheet damaged, and the way out; None for others.

    Args:
        column: of an import. A rounded number in a column of IDENTITY makes several people one.
        cell: trimmed; see may_be_damaged.
    """
    if _ERROR.fullmatch(cell):
        return "holds the error of a spreadsheet formula. Correct the cell, or empty it."
    if column in IDENTITY and _ROUNDED.fullmatch(cell):
        return (
            "holds a number that a spreadsheet has rounded. Format the column as Text, enter the "
            "values again, and save the file again."
        )
    return None
