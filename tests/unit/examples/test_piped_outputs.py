"""Programs that read the outputs of their example from a pipe."""

from __future__ import annotations

import io
import sys

import pytest

from tests.builders.example_program import example_program

PROGRAMS = [
    ("campaign_journey_segment_db", "summer", []),
    ("journey_copy", "draft_journey", []),
    ("message_archiver", "send_spring", ["ann"]),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("example", "name", "arguments"), PROGRAMS)
@pytest.mark.parametrize(
    "pipe",
    [io.StringIO, lambda: io.StringIO("{}"), lambda: io.StringIO("No outputs found"), Terminal],
    ids=["nothing", "no outputs", "no JSON", "a terminal"],
)
def test_a_program_without_outputs_says_where_they_come_from(
    example, name, arguments, pipe, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "stdin", pipe())

    code = example_program(example, name).main(arguments)

    error = capsys.readouterr().err
    assert code == 2
    assert "run `terraform apply`" in error
    assert f"`terraform output -json | python {name}.py" in error
