"""Receipt rules of Amazon SES: changing and ordering them, and what a rule may name.

SES tries a rule's targets while the rule is created or updated, and refuses a rule whose
function, bucket or topic does not let it in: API reference, CreateReceiptRule. The source that
such a policy can ask for is the rule: developer guide, "Giving permissions to Amazon SES for
email receiving".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, s3, ses, sns

from local_aws.patches.encryption import service_may_encrypt, topic_allows
from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import (
    function_allows,
    role_allows,
    role_trusts,
    service_allowed,
)

REQUIRED = (
    "ministack.services.lambda_svc._get_func_record_for_ref",
    "ministack.services.s3._put_object",
    "ministack.services.s3.bucket_policy_for_arn",
    "ministack.services.ses._create_receipt_rule",
    "ministack.services.ses._p",
    "ministack.services.ses._receipt_error",
    "ministack.services.ses._receipt_missing_set",
    "ministack.services.ses._receipt_name_error",
    "ministack.services.ses._receipt_result",
    "ministack.services.ses._receipt_rule_error",
    "ministack.services.ses._receipt_rule_from_params",
    "ministack.services.ses._receipt_rule_sets",
    "ministack.services.ses.handle_request",
    "ministack.services.sns.publish_internal",
)

Json = dict[str, Any]
Answer = tuple[int, Json, bytes]
SERVICE = "ses.amazonaws.com"
SUBJECT = "Amazon SES Email Receipt Notification"
SETUP = "AMAZON_SES_SETUP_NOTIFICATION"


def apply() -> None:
    rewrite(
        ses,
        "handle_request",
        (
            '"CreateReceiptRule": _create_receipt_rule,',
            '"CreateReceiptRule": _create_receipt_rule, **_more_receipt_operations,',
        ),
        _more_receipt_operations={
            "UpdateReceiptRule": update_receipt_rule,
            "SetReceiptRulePosition": set_receipt_rule_position,
        },
    )
    create, parse = ses._create_receipt_rule, ses._receipt_rule_from_params

    def create_receipt_rule(params: Json) -> Answer:
        rule, rule_set = parse(params), ses._p(params, "RuleSetName")
        refused = None
        if rule_set in ses._receipt_rule_sets and _rule_named(rule_set, rule["Name"]) is None:
            refused = _refused_targets(rule, rule_set)
        answer: Answer = refused or create(params)
        if answer[0] == 200:
            _announce(rule, rule_set)
        return answer

    def with_defaults(params: Json) -> Json:
        rule: Json = parse(params)
        for action in rule["Actions"]:
            for name, (member, value) in _DEFAULTS.items():
                if name in action:
                    action[name].setdefault(member, value)
        return rule

    ses._create_receipt_rule = create_receipt_rule
    ses._receipt_rule_from_params = with_defaults


_DEFAULTS = {
    "LambdaAction": ("InvocationType", "Event"),
    "SNSAction": ("Encoding", "UTF-8"),
}


def rule_arn(rule_set: str, rule: str) -> str:
    return (
        f"arn:aws:ses:{get_region()}:{get_account_id()}:receipt-rule-set/{rule_set}"
        f":receipt-rule/{rule}"
    )


# -- what lets SES in --------------------------------------------------------------------


def refused_function(function_arn: str, source_arn: str) -> str | None:
    """Why SES cannot invoke the function for the rule ``source_arn``; None when it can."""
    function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if not function or not config:
        return f"{function_arn} does not exist"
    if not function_allows(function_arn, SERVICE, source_arn):
        return f"the policy of {function_arn} does not let {SERVICE} invoke it for {source_arn}"
    return None


def refused_topic(topic_arn: str, source_arn: str) -> str | None:
    """Why SES cannot publish to the topic; None when it can."""
    if topic_allows(topic_arn, SERVICE, source_arn):
        return None
    return f"the policy or key of {topic_arn} does not let {SERVICE} publish for {source_arn}"


def refused_object(action: Json, key: str, source_arn: str) -> str | None:
    """Why SES cannot write the object by an ``S3Action``; None when it can.

    Either the role of the action or, without one, the policy of the bucket must allow it, and
    the key that encrypts the bucket.
    """
    if action.get("KmsKeyArn"):
        return "KmsKeyArn (encryption by SES itself) is not emulated: encrypt the bucket instead"
    object_arn = f"arn:aws:s3:::{action['BucketName']}/{key}"
    found = s3.bucket_policy_for_arn(object_arn)
    if found is None:
        return f"there is no bucket {action['BucketName']}"
    if role := action.get("IamRoleArn"):
        if not role_trusts(role, SERVICE, source_arn):
            return f"{SERVICE} cannot assume {role}"
        if not role_allows(role, "s3:PutObject", object_arn):
            return f"{role} may not s3:PutObject on {object_arn}"
    elif not service_allowed(found[0], "s3:PutObject", object_arn, SERVICE, source_arn):
        return (
            f"the policy of bucket {action['BucketName']} does not let {SERVICE} s3:PutObject on "
            f"{object_arn} for {source_arn}"
        )
    elif not service_may_encrypt(object_arn, SERVICE, source_arn):
        return f"the key of bucket {action['BucketName']} does not let {SERVICE} use it"
    return None


def _targets(rule: Json) -> Iterator[tuple[str, Json]]:
    for action in rule["Actions"]:
        yield from action.items()


def _refused_targets(rule: Json, rule_set: str) -> Answer | None:
    source = rule_arn(rule_set, rule["Name"])
    for name, action in _targets(rule):
        function, bucket = action.get("FunctionArn"), action.get("BucketName")
        topic = action.get("TopicArn")
        if name == "LambdaAction" and function and refused_function(function, source):
            message = f"Could not invoke Lambda function: {function}"
            return _error("InvalidLambdaFunction", message)
        if name == "S3Action" and bucket:
            key = f"{action.get('ObjectKeyPrefix', '')}{SETUP}"
            if refused_object(action, key, source):
                return _error("InvalidS3Configuration", f"Could not write to bucket: {bucket}")
        if topic and refused_topic(topic, source):
            return _error("InvalidSnsTopic", f"Could not publish to SNS topic: {topic}")
    return None


def _error(code: str, message: str) -> Answer:
    answer: Answer = ses._receipt_error(code, message)
    return answer


def _announce(rule: Json, rule_set: str) -> None:
    """What SES leaves behind in buckets and SNS actions while it tries them."""
    for name, action in _targets(rule):
        if name == "S3Action":
            key = f"{action.get('ObjectKeyPrefix', '')}{SETUP}"
            text = (
                f"Amazon SES can write to this bucket for {rule_arn(rule_set, rule['Name'])}.\r\n"
            )
            mail = f"Subject: Amazon SES Setup Notification\r\n\r\n{text}"
            s3._put_object(action["BucketName"], key, mail.encode(), {})
        elif name == "SNSAction":
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            told = {
                "notificationType": "Received",
                "mail": {"timestamp": now, "messageId": SETUP, "destination": []},
                "receipt": {"timestamp": now, "recipients": []},
                "content": "Amazon SES can publish to this topic.",
            }
            sns.publish_internal(action["TopicArn"], json.dumps(told), SUBJECT)


# -- operations --------------------------------------------------------------------------


def _rule_named(rule_set: str, name: str) -> Json | None:
    rules = ses._receipt_rule_sets[rule_set]["Rules"]
    found: Json | None = next((rule for rule in rules if rule["Name"] == name), None)
    return found


def _missing_rule(name: str) -> Answer:
    return _error("RuleDoesNotExist", f"Rule does not exist: {name}")


def _named(*members: tuple[str, str]) -> Callable[[Callable[[Json], Answer]], Any]:
    """The operation's names must be there and well-formed, and its rule set exist."""

    def checked(operation: Callable[[Json], Answer]) -> Callable[[Json], Answer]:
        def serve(params: Json) -> Answer:
            refused: Answer | None
            for member, path in members:
                refused = ses._receipt_name_error(params, member, path, path)
                if refused is not None:
                    return refused
            rule_set = ses._p(params, members[0][0])
            if rule_set not in ses._receipt_rule_sets:
                missing: Answer = ses._receipt_missing_set(rule_set)
                return missing
            return operation(params)

        return serve

    return checked


@_named(("RuleSetName", "ruleSetName"), ("Rule.Name", "ruleName"))
def update_receipt_rule(params: Json) -> Answer:
    """Replaces a rule where it stands."""
    rule, rule_set = ses._receipt_rule_from_params(params), ses._p(params, "RuleSetName")
    old = _rule_named(rule_set, rule["Name"])
    if old is None:
        return _missing_rule(rule["Name"])
    refused: Answer | None = ses._receipt_rule_error(rule) or _refused_targets(rule, rule_set)
    if refused:
        return refused
    rules = ses._receipt_rule_sets[rule_set]["Rules"]
    rules[rules.index(old)] = rule
    _announce(rule, rule_set)
    return _done("UpdateReceiptRule")


@_named(("RuleSetName", "ruleSetName"), ("RuleName", "ruleName"))
def set_receipt_rule_position(params: Json) -> Answer:
    """Moves a rule behind another, or to the front."""
    rule_set, name, after = (ses._p(params, n) for n in ("RuleSetName", "RuleName", "After"))
    rule = _rule_named(rule_set, name)
    if rule is None:
        return _missing_rule(name)
    if after and _rule_named(rule_set, after) is None:
        return _missing_rule(after)
    if after != name:
        rules = ses._receipt_rule_sets[rule_set]["Rules"]
        rules.remove(rule)
        rules.insert(rules.index(_rule_named(rule_set, after)) + 1 if after else 0, rule)
    return _done("SetReceiptRulePosition")


def _done(operation: str) -> Answer:
    answer: Answer = ses._receipt_result(operation)
    return answer
