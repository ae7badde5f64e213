"""Events of the Lambda action of a receipt rule, as SES makes them."""

from typing import Any

MAILBOX = "help@answers.example.com"
ANN = "ann@example.org"

# SES's verdicts for email from an address whose domain publishes SPF, DKIM and DMARC.
PASSED = {"spam": "PASS", "virus": "PASS", "spf": "PASS", "dkim": "PASS", "dmarc": "PASS"}


def event(
    sender: str = f"Ann <{ANN}>",
    *,
    subject: str | None = "Where is my order?",
    to: tuple[str, ...] = (MAILBOX,),
    source: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    verdicts: dict[str, str] | None = None,
    message_id: str = "ses-id-1",
    truncated: bool = False,
    **common: Any,
) -> dict[str, Any]:
    """Build a person's email; `headers` follow the headers that every email has."""
    envelope = source if source is not None else sender.rpartition("<")[2].strip("<> ")
    sent = [
        ("Return-Path", f"<{envelope.strip('<>')}>"),
        ("From", sender),
        ("To", ", ".join(to)),
        ("Message-ID", "<original@example.org>"),
        *([] if subject is None else [("Subject", subject)]),
        *headers,
    ]
    return {
        "Records": [
            {
                "eventSource": "aws:ses",
                "eventVersion": "1.0",
                "ses": {
                    "mail": {
                        "timestamp": "2026-03-02T21:30:02.028Z",
                        "source": envelope,
                        "messageId": message_id,
                        "destination": list(to),
                        "headersTruncated": truncated,
                        "headers": [{"name": name, "value": value} for name, value in sent],
                        "commonHeaders": {
                            "returnPath": envelope,
                            "from": [sender],
                            "to": [", ".join(to)],
                            "messageId": "<original@example.org>",
                            **({} if subject is None else {"subject": subject}),
                            **common,
                        },
                    },
                    "receipt": {
                        "timestamp": "2026-03-02T21:30:02.028Z",
                        "processingTimeMillis": 200,
                        "recipients": list(to),
                        **{
                            f"{name}Verdict": {"status": status}
                            for name, status in (PASSED | (verdicts or {})).items()
                            if status
                        },
                        "action": {
                            "type": "Lambda",
                            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:reply",
                            "invocationType": "Event",
                        },
                    },
                },
            }
        ]
    }
