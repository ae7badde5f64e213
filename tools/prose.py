"""Find phrases in prose that a reader stumbles over: ``python -m tools.prose PATH…``.

Prose is the text of Markdown outside of code and generated tables, comments and docstrings of
Python, comments, descriptions and error messages of Terraform, and comments of SQL. Code is never
looked at: `inline code` and names are left out.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import terraform_cli

# A phrase => what to write instead. Nouns of the domain are the subjects and objects of a sentence;
# idioms that only make sense word by word in another language are not English.
PHRASES = {
    r"\b(?:[Nn]o|[Ss]ome|[Aa]ny)body\b|\b[Nn]o one\b": "name the person, role or program",
    r"\b[Ww]hoever\b": "name the person, role or program",
    r"\bnone\b": "name the noun: no message, no project",
    r"\bthose (?:that|which|who|of|with|in|by|from|to|as)\b": "repeat the noun",
    r"\b[Tt]hose\b(?=[.,;:)])": "repeat the noun",
    r"(?:^|(?<=\. ))(?:What|Who|Whose|Those)\b(?![^.?]*\?)": "start with the noun",
    r"\b(?:of|by|from|with|for|to|on|all|behind|beside|above|below|than) what\b": "name the noun",
    r"[;:] what\b": "name the noun",
    r"\b(?:hear|hears|heard) (?:of|about)\b": "is notified of, receives",
    r"\b(?:is|are|was|were|be|been|being) told\b": "is notified, is reported",
    r"\btold (?:of|about|by)\b": "is notified of, recognised by",
    r"\b(?:say|says|said|tell|tells) of\b": "describes, reports",
    r"\b(?:come|comes|came|coming) back\b": "is returned, is redelivered",
    r"\bgiv(?:e|es|en|ing) back\b|\bgave back\b": "returns",
    r"\b[Mm]eanwhile\b": "at the same time, since then",
    r"\bof now\b": "current",
    r"\b(?:stand|stands|stood)\b": "is, represents",
    r"\b(?:lie|lies|lay)\b": "is, is stored",
    r"\bfor good\b": "permanently",
    r"\bin the making\b|\bno word about\b|\bin so many words\b": "say it plainly",
}

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of prose and the line on which it starts."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase, its place, and the advice for it."""

    path: Path
    line: int
    phrase: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.phrase!r}: {self.advice}"


def findings(path: Path) -> list[Finding]:
    """Find the phrases in the prose of a file."""
    found = []
    for prose in prose_of(path):
        plain = _without_code(prose.text)
        for pattern, advice in PHRASES.items():
            for match in re.finditer(pattern, plain):
                line = prose.line + plain.count("\n", 0, match.start())
                phrase = " ".join(match[0].split())
                found.append(Finding(path, line, phrase, advice))
    return sorted(found, key=lambda finding: finding.line)


def prose_of(path: Path) -> Iterator[Prose]:
    """Read the prose of a file; a file of another kind yields nothing."""
    text = path.read_text()
    match path.suffix:
        case ".md":
            yield from _markdown(text)
        case ".py":
            yield from _python(text)
        case ".tf" | ".hcl":
            yield from _terraform(text)
        case ".sql":
            yield from _comments(text, "--")


def _without_code(text: str) -> str:
    """Blank inline code, link targets and quoted words, and keep the line breaks."""
    for pattern in (r"``.+?``", r"`[^`]*`", r"\]\([^)]*\)", r"\"[^\"\n]*\"", r"<[^>\n]*>"):
        text = re.sub(pattern, lambda match: re.sub(r"[^\n]", "_", match[0]), text)
    return text


def _markdown(text: str) -> Iterator[Prose]:
    fenced = generated = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif line.startswith("<!-- end"):
            generated = False
        elif line.startswith("<!--") and "make docs" in line:
            generated = True
        elif not (fenced or generated or line.startswith("#")):
            cells = line.split("|") if line.startswith("|") else [line]
            yield from (Prose(number, cell) for cell in cells)


def _python(text: str) -> Iterator[Prose]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield Prose(token.start[0], _comment(token.string, "#"))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED):
            docstring = ast.get_docstring(node, clean=False)
            if docstring:
                yield Prose(node.body[0].lineno, docstring)


def _terraform(text: str) -> Iterator[Prose]:
    yield from _comments(text, "#")
    for match in re.finditer(r'\b(?:description|error_message)\s*=\s*"((?:[^"\\]|\\.)*)"', text):
        plain = re.sub(r"\$\{[^}]*\}|\\\"", "_", match[1])
        yield Prose(text.count("\n", 0, match.start()) + 1, plain)


def _comments(text: str, mark: str) -> Iterator[Prose]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(mark) and "checkov:skip" not in line:
            yield Prose(number, _comment(line.lstrip(), mark))


def _comment(text: str, mark: str) -> str:
    return text.removeprefix(mark).removeprefix(" ")


def files_below(folder: Path) -> list[Path]:
    """List the files of a folder that can hold prose; a file is its own list."""
    if folder.is_file():
        return [folder]
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".md", ".py", ".tf", ".hcl", ".sql"} and ".terraform" not in path.parts
    )


def main(arguments: list[str]) -> int:
    root = terraform_cli.ROOT
    found = [
        finding
        for argument in arguments
        for path in files_below(root / argument)
        for finding in findings(path)
    ]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
