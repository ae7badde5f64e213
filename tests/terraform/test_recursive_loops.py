"""Lambda stops a function whose messages invoke it again some 16 times, unless it is allowed.

Source: Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.builders.terraform_tree import PUBLIC_MODULES, ROOT

_DOCUMENT = re.compile(r'^data "aws_iam_policy_document" "(\w+)" \{$(.*?)^\}$', re.M | re.S)
_STATEMENT = re.compile(r"^  statement \{$(.*?)^  \}$", re.M | re.S)
_RESOURCES = re.compile(r"^    resources += (.+)$", re.M)
_FUNCTION = re.compile(r'^module "(\w+)" \{$(.*?)^\}$', re.M | re.S)


def _text(module: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / module).glob("*.tf")))


def _policies_that_read_and_write_one_queue(text: str) -> set[str]:
    found = set()
    for name, document in _DOCUMENT.findall(text):
        queues: dict[str, set[str]] = {"sqs:ReceiveMessage": set(), "sqs:SendMessage": set()}
        for statement in _STATEMENT.findall(document):
            for action, resources in queues.items():
                if f'"{action}"' in statement:
                    resources |= set(_RESOURCES.findall(statement))
        if queues["sqs:ReceiveMessage"] & queues["sqs:SendMessage"]:
            found.add(name)
    return found


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=str)
def test_a_function_that_queues_messages_for_itself_is_not_stopped_by_lambda(module: Path) -> None:
    text = _text(module)
    needed = _policies_that_read_and_write_one_queue(text)

    allowed = {
        policy
        for _, block in _FUNCTION.findall(text)
        if "recursive_loop_allowed = true" in block
        for policy in re.findall(r"data\.aws_iam_policy_document\.(\w+)\.json", block)
    }

    assert needed <= allowed


def test_the_rule_finds_the_functions_that_wait_by_their_own_queue() -> None:
    found = {
        module.name
        for module in PUBLIC_MODULES
        if _policies_that_read_and_write_one_queue(_text(module))
    }

    assert found == {"connect_campaign_channel", "sms_retry", "sms_s3_drop"}
