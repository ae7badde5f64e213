"""Prose names its nouns: clean folders stay clean, and the check finds each phrase."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import prose
from tools.terraform_cli import ROOT

# Folders, files and patterns without a phrase of tools/prose.py. Extend the list; never take an
# entry out.
CLEAN = (
    "*.md",
    "benchmarks",
    "docs",
    "examples",
    "lambda_src",
    "modules",
    "tests",
    "tools",
)
FILES = [
    path
    for entry in CLEAN
    for place in sorted(ROOT.glob(entry))
    for path in prose.files_below(place)
]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def found_in(tmp_path: Path, name: str, text: str) -> list[tuple[int, str]]:
    path = tmp_path / name
    path.write_text(text)
    return [(finding.line, finding.phrase) for finding in prose.findings(path)]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_clean_file_stays_clean(path: Path) -> None:
    assert [str(finding) for finding in prose.findings(path)] == []


@pytest.mark.parametrize("entry", CLEAN)
def test_every_entry_of_the_list_is_there(entry: str) -> None:
    assert list(ROOT.glob(entry))


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Who hears of trouble: the SNS topic that alarms notify.", "hears of"),
        ("The type is none that is managed here.", "none"),
        ("a batch in, those that have to come back out", "those that"),
        ("moves messages that were not sent for good", "for good"),
        ("those come back that somebody else wrote", "somebody"),
        ("those come back that were written meanwhile", "meanwhile"),
        ("at the rate of now", "of now"),
        ("What a query shows now.", "What"),
        ("The queue of what went wrong.", "of what"),
        ("The topic is told when a message fails.", "is told"),
        ("The item lies in the table.", "lies"),
        ("A word that stands for a number.", "stands"),
        ("Whoever invokes it needs the permission.", "Whoever"),
    ],
)
def test_the_phrases_of_the_style_are_found(tmp_path: Path, text: str, phrase: str) -> None:
    assert phrase in [found for _, found in found_in(tmp_path, "page.md", f"{text}\n")]


@pytest.mark.parametrize(
    "text",
    [
        "SNS topic for alarm notifications.",
        "The resource type is not supported.",
        "SQS handler: sends a batch and returns the ids of messages to retry.",
        "Process each address. Returns the addresses whose item was changed concurrently.",
        "The README says which role may do what.",
        "Which numbers are these? What is missing?",
        "`None` and `nobody` are code, [and a link](what/those.md) is too.",
    ],
)
def test_plain_prose_is_let_through(tmp_path: Path, text: str) -> None:
    assert found_in(tmp_path, "page.md", f"{text}\n") == []


def test_code_and_generated_tables_of_markdown_are_not_prose(tmp_path: Path) -> None:
    page = """Plain.

```sh
echo nobody
```

<!-- inputs and outputs: make docs -->
| Who hears of trouble |
<!-- end -->

| Cell | nobody |
"""

    assert found_in(tmp_path, "page.md", page) == [(11, "nobody")]


def test_comments_and_docstrings_of_python_are_prose_and_strings_are_not(tmp_path: Path) -> None:
    code = '''"""Plain.

Whoever reads it.
"""

# Told by nobody.
WORD = "nobody"


def read() -> str:
    """What it reads."""
    return WORD  # meanwhile
'''

    assert found_in(tmp_path, "code.py", code) == [
        (3, "Whoever"),
        (6, "nobody"),
        (11, "What"),
        (12, "meanwhile"),
    ]


def test_comments_descriptions_and_messages_of_terraform_are_prose(tmp_path: Path) -> None:
    code = """# What it is.
variable "nobody" {
  description = "Who hears of ${trouble}."
  default     = "nobody"

  validation {
    error_message = "name must not be \\"nobody\\": somebody has it."
  }
}
"""

    assert found_in(tmp_path, "code.tf", code) == [
        (1, "What"),
        (3, "Who"),
        (3, "hears of"),
        (7, "somebody"),
    ]
