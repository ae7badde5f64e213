"""Answers one incoming mail; invoked by the Lambda action of a receipt rule, as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from ses_auto_reply.addresses import person
from ses_auto_reply.claims import Claim, Claims
from ses_auto_reply.decision import Ignore, Mailbox, Reason, Reply, decide
from ses_auto_reply.incoming import incoming_mail
from ses_auto_reply.reply import mime
from ses_auto_reply.sending import OutcomeUnknown, ReplyRefused, send
from ses_auto_reply.templates import TemplateStore, template_reader
from shared.aws import aws_client
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

NAMESPACE = "SesAutoReply"
REPLIED, REFUSED, UNKNOWN = "REPLIED", "REFUSED", "UNKNOWN"

CONFIGURATION_SET = optional_env("CONFIGURATION_SET")
OWN = filter(None, (optional_env("OWN_ADDRESSES") or "").lower().split(","))
MAILBOX = Mailbox(
    from_address=optional_env("FROM_ADDRESS"),
    own=frozenset(person(own) if "@" in own else own for own in OWN),
    answers_truncated=required_env("TRUNCATED_HEADERS") == "ANSWER",
)

logger = Logger(service="ses-auto-reply")
templates = TemplateStore(
    template_reader(required_env("TEMPLATE_SOURCE"), required_env("TEMPLATE_NAME"))
)
claims = Claims(
    aws_client(
        "dynamodb", config=Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard"})
    ),
    required_env("TABLE_NAME"),
    window_seconds=3600 * int(required_env("WINDOW_HOURS")),
)
# The module `sending` decides about repeated sends, not botocore.
ses: SESV2Client = aws_client(
    "sesv2", config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Answer the mail, or leave it, or raise: Lambda tries twice more, then keeps the event."""
    mail = incoming_mail(event)
    decision = decide(mail, MAILBOX)
    try:
        outcome = decision.reason if isinstance(decision, Ignore) else _answer(decision)
    except ReplyRefused:
        _count(REFUSED, context.function_name)
        raise
    except OutcomeUnknown:
        _count(UNKNOWN, context.function_name)
        raise
    logger.info("Mail decided", extra={"mail_id": mail.message_id, "decision": outcome})
    _count(outcome, context.function_name)
    return {"decision": outcome}


def _answer(reply: Reply) -> str:
    # Before the claim: an error here must not count as an answer.
    request: dict[str, Any] = {
        "FromEmailAddress": reply.mailbox,
        "Destination": {"ToAddresses": [reply.to]},
        "Content": {"Raw": {"Data": mime(reply, templates.get())}},
    }
    if CONFIGURATION_SET:
        request["ConfigurationSetName"] = CONFIGURATION_SET

    match claims.take(reply.senders, reply.message_id):
        case Claim.ANSWERED_LATELY:
            return Reason.ANSWERED_LATELY
        case Claim.SENT_BEFORE:
            return Reason.ANSWERED_BEFORE
        case Claim.OPEN:
            raise OutcomeUnknown(
                "This mail was claimed by an earlier attempt whose end nobody recorded: "
                "the reply may be sent."
            )
    try:
        sent_id = send(ses, request)
    except ReplyRefused:
        claims.release(reply.senders, reply.message_id)
        raise
    logger.info("Reply sent", extra={"mail_id": reply.message_id, "reply_id": sent_id})
    if not claims.sent(reply.senders, reply.message_id):
        # Raising here would have Lambda try again, and lose the known outcome.
        logger.warning("Reply sent but not recorded", extra={"mail_id": reply.message_id})
    return REPLIED


def _count(decision: str, function_name: str) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("FunctionName", function_name)
    metrics.add_dimension("Decision", decision)
    metrics.add_metric("Mails", MetricUnit.Count, 1)
    metrics.flush_metrics()
