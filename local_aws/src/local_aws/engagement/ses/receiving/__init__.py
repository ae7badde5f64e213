"""Amazon SES email receiving: the active receipt rule set, run for one email.

Mail is taken for verified domains and addresses, if an enabled rule of the active rule set
applies to a recipient; all rules that apply run in their order: SES developer guide, "Email
receiving concepts and use cases".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws.engagement.ses.receiving import actions, mail

REQUIRED = (
    "ministack.services.ses._active_receipt_rule_set",
    "ministack.services.ses._identity_verified",
    "ministack.services.ses._receipt_rule_sets",
    *actions.REQUIRED,
)

Json = dict[str, Any]


class Refused(Exception):
    """SES would not take the email from the server that brings it; the message says why."""


def receive(request: Json) -> Json:
    """Run the active rule set for an email; call it off the event loop.

    Answers ``message_id``, ``rules`` (names of those that ran), ``actions`` (in their order: the
    rule, the action as events tell it, ``disposition`` of a synchronous function, ``error`` if
    it failed) and ``refused`` (recipients that no identity of the account stands for).

    Raises:
        mail.Invalid: the request does not describe an email.
        Refused: the email is not taken at all.
    """
    received = mail.read(request)
    refused = [each for each in received.recipients if not _is_ours(each)]
    received.recipients = [each for each in received.recipients if each not in refused]
    if not received.recipients:
        raise Refused(
            f"The mail is refused: no verified identity stands for {', '.join(refused)}. SES "
            "takes mail only for verified domains and addresses: verify one, for example with "
            "CreateEmailIdentity."
        )
    applying = list(_applying(received))
    if not applying:
        raise Refused(
            f"The mail is refused: no enabled rule of {_active_name() or 'an active rule set'} "
            f"applies to {', '.join(received.recipients)}."
            + ("" if _active_name() else " There is none: SetActiveReceiptRuleSet makes one so.")
        )
    if not received.tls:
        strict = [rule["Name"] for rule, _ in applying if rule["TlsPolicy"] == "Require"]
        if strict:
            raise Refused(f"The mail is refused: {', '.join(strict)} requires TLS.")
    return _run(received, applying) | {"refused": refused}


def _run(received: mail.Mail, applying: list[tuple[Json, list[str]]]) -> Json:
    actions.stamp(received, scanned=any(rule["ScanEnabled"] for rule, _ in applying))
    names, done = list[str](), list[Json]()
    rule_set = _active_name()
    for rule, recipients in applying:
        names.append(rule["Name"])
        course = actions.run(actions.Run(received, rule_set, rule, recipients), done)
        if course is actions.Course.STOP_RULE_SET:
            break
    return {"message_id": received.message_id, "rules": names, "actions": done}


def _active_name() -> str:
    from ministack.services import ses

    return str(ses._active_receipt_rule_set.get("name") or "")


def _applying(received: mail.Mail) -> Iterator[tuple[Json, list[str]]]:
    """The enabled rules that apply, each with the recipients it applies to."""
    from ministack.services import ses

    for rule in list((ses._receipt_rule_sets.get(_active_name()) or {}).get("Rules", [])):
        conditions = rule.get("Recipients")
        recipients = [
            each
            for each in received.recipients
            if not conditions or any(matches(condition, each) for condition in conditions)
        ]
        if rule["Enabled"] and recipients:
            yield rule, recipients


def matches(condition: str, address: str) -> bool:
    """Whether a recipient condition of a rule applies to an address.

    ``user@example.com`` applies with any ``+label`` too, ``user+label@example.com`` only to
    itself; ``example.com`` to the domain without its subdomains, ``.example.com`` to the
    subdomains without the domain. Source: SES developer guide, "Creating receipt rules".
    """
    wanted_name, _, wanted_domain = condition.lower().rpartition("@")
    name, _, domain = address.lower().rpartition("@")
    if wanted_name and wanted_name not in (name, name.partition("+")[0]):
        return False
    if wanted_domain.startswith("."):
        return domain.endswith(wanted_domain)
    return domain == wanted_domain


def _is_ours(address: str) -> bool:
    """Whether an identity is verified that the address, or it without its label, belongs to."""
    from ministack.services import ses

    name, _, domain = address.rpartition("@")
    plain = f"{name.partition('+')[0]}@{domain}"
    return any(ses._identity_verified(each) for each in (address, plain))
