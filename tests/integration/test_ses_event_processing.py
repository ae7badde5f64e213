"""Emails that bounce or get a complaint, through SES, topic, queue and function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.analyst import happens, wait_for_alarm
from tests.builders.local_account import LocalAccount, local
from tests.builders.suppression import bounce, complaint, envelope
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

NAME = "ses-feedback"
# SES's mailbox simulator. It bounces and complains, and adds no address to the suppression list.
SIMULATOR = "simulator.amazonses.com"
PLAIN = f"plain.{NAME}.example.com"  # an identity without a topic
THEIRS = f"theirs.{NAME}.example.com"  # an identity with a topic of another owner


@pytest.fixture(scope="module", autouse=True)
def identities_before(account: LocalAccount) -> Iterator[str]:
    """Identities that the example finds when it is applied; the topic that one of them has."""
    ses, sns, name = account.client("ses"), account.client("sns"), "somebody-elses-feedback"
    arn = sns.create_topic(Name=name)["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}}
    statement = {**allow, "Action": "sns:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    for identity in (PLAIN, THEIRS):
        ses.verify_domain_identity(Domain=identity)
    for kind in ("Bounce", "Complaint"):
        ses.set_identity_notification_topic(Identity=THEIRS, NotificationType=kind, SnsTopic=arn)
    yield arn
    for identity in (PLAIN, THEIRS):
        ses.delete_identity(Identity=identity)
    sns.delete_topic(TopicArn=arn)


def topics(account: LocalAccount, identity: str) -> set[str | None]:
    """Read the topics for bounces and complaints of an identity."""
    answer = account.client("ses").get_identity_notification_attributes(Identities=[identity])
    found = answer["NotificationAttributes"][identity]
    return {found.get("BounceTopic"), found.get("ComplaintTopic")}


def fire_the_schedule() -> None:
    """Invoke the wiring now instead of waiting for the schedule."""
    assert local(f"scheduler/{NAME}-identities/fire", {})["result"] == "invoked"


@pytest.fixture(scope="module")
def example(ses_event_processing: Any) -> dict[str, Any]:
    return outputs(ses_event_processing)


class Mailing:
    """A sender with the applied example, and the state of the recipients."""

    def __init__(self, account: LocalAccount, example: dict[str, Any]) -> None:
        self.account = account
        self.example = example
        self._events: list[dict[str, Any]] = []
        self._rule = f"heard-{NAME}"
        self._heard = account.client("sqs").create_queue(QueueName=self._rule)["QueueUrl"]
        self._listen()

    def _listen(self) -> None:
        """A rule of the test's own, with the pattern that the example gives out."""
        events, sqs = self.account.client("events"), self.account.client("sqs")
        rule = events.put_rule(Name=self._rule, EventPattern=self.example["event_pattern"])
        queue = sqs.get_queue_attributes(QueueUrl=self._heard, AttributeNames=["QueueArn"])
        arn = queue["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule["RuleArn"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=self._heard, Attributes={"Policy": policy})
        events.put_targets(Rule=self._rule, Targets=[{"Id": "queue", "Arn": arn}])

    def close(self) -> None:
        events = self.account.client("events")
        events.remove_targets(Rule=self._rule, Ids=["queue"])
        events.delete_rule(Name=self._rule)
        self.account.client("sqs").delete_queue(QueueUrl=self._heard)

    def send(
        self,
        to: str,
        *,
        tracked: bool = True,
        sender: str | None = None,
        by: str = "configuration_set",
    ) -> str:
        """Send an email, with the configuration set of an output or without; its message id."""
        content = {"Subject": {"Data": "Offers"}, "Body": {"Text": {"Data": "Offers"}}}
        tracking = {"ConfigurationSetName": self.example[by]} if tracked else {}
        return str(
            self.account.client("sesv2").send_email(
                FromEmailAddress=sender or self.example["from_address"],
                Destination={"ToAddresses": [to]},
                Content={"Simple": content},
                **tracking,
            )["MessageId"]
        )

    def deliver(self, *bodies: str) -> None:
        """Put messages into the queue as the topic would."""
        for body in bodies:
            self.account.client("sqs").send_message(
                QueueUrl=self.example["queue_url"], MessageBody=body
            )

    def listed(self, address: str) -> str | None:
        """Read the reason for which SES suppresses an address."""
        try:
            answer = self.account.client("sesv2").get_suppressed_destination(EmailAddress=address)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NotFoundException"
            return None
        return str(answer["SuppressedDestination"]["Reason"])

    def row(self, address: str) -> dict[str, Any]:
        """Read the item of an address in the address table, with numbers as numbers."""
        answer = self.account.client("dynamodb").get_item(
            TableName=self.example["address_table"],
            Key={"address": {"S": address}},
            ConsistentRead=True,
        )
        values = {name: next(iter(value.items())) for name, value in answer.get("Item", {}).items()}
        return {name: int(v) if kind == "N" else v for name, (kind, v) in values.items()}

    def heard(self, address: str) -> list[dict[str, Any]]:
        """List the events about an address, one for each feedback id, without copies."""
        self._events += map(json.loads, self.account.messages(self._heard))
        about = [event for event in self._events if event["detail"]["address"] == address]
        return list({event["detail"]["feedback_id"]: event for event in about}.values())

    def recorded(self, address: str, **counts: int) -> dict[str, Any]:
        """The row once it has these counts."""
        return self.account.eventually(
            lambda: self.row(address),
            lambda row: all(row.get(name, 0) == count for name, count in counts.items()),
        )

    def settled(self) -> None:
        """Wait until the queue is empty and nothing is in work."""
        sqs = self.account.client("sqs")
        numbers = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        self.account.eventually(
            lambda: sqs.get_queue_attributes(
                QueueUrl=self.example["queue_url"], AttributeNames=numbers
            )["Attributes"],
            lambda seen: all(seen[number] == "0" for number in numbers),
        )

    @contextmanager
    def coming_back_soon(self) -> Iterator[None]:
        """Messages that failed are visible again after a second, not after minutes."""
        sqs, queue = self.account.client("sqs"), self.example["queue_url"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "180"})

    @contextmanager
    def without_permission(self, action: str) -> Iterator[None]:
        """The function's role lacks an action."""
        iam, role = self.account.client("iam"), f"{NAME}-feedback-lambda"
        before = iam.get_role_policy(RoleName=role, PolicyName="suppress")["PolicyDocument"]
        kept = [one for one in before["Statement"] if action not in json.dumps(one["Action"])]
        assert len(kept) == len(before["Statement"]) - 1
        self._put_policy(role, {**before, "Statement": kept})
        try:
            yield
        finally:
            self._put_policy(role, before)

    def _put_policy(self, role: str, document: dict[str, Any]) -> None:
        self.account.client("iam").put_role_policy(
            RoleName=role, PolicyName="suppress", PolicyDocument=json.dumps(document)
        )


@pytest.fixture(scope="module")
def mailing(account: LocalAccount, example: dict[str, Any]) -> Iterator[Mailing]:
    made = Mailing(account, example)
    yield made
    made.close()


@pytest.fixture(scope="module")
def wired(mailing: Mailing) -> Mailing:
    """The sender's identity, which Terraform may make after it wired the others, is wired."""
    fire_the_schedule()
    mailing.account.eventually(
        lambda: topics(mailing.account, mailing.example["from_address"]),
        lambda seen: seen == {mailing.example["topic_arn"]},
    )
    return mailing


@terraform("ses_event_processing", scope="module")
def test_an_email_that_bounces_ends_on_the_suppression_list_in_the_table_and_as_an_event(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    address = f"bounce+ann@{SIMULATOR}"

    message = mailing.send(address)

    row = mailing.recorded(address, hard_bounces=1)
    assert (row["reason"], row["message_id"]) == ("BOUNCE", message)
    assert row["first_seen"] == row["last_seen"] == row["suppressed_at"]
    assert mailing.listed(address) == "BOUNCE"
    [event] = mailing.account.eventually(lambda: mailing.heard(address), bool)
    assert event["detail-type"] == "Address Suppressed"
    assert event["detail"] == {
        "address": address,
        "reason": "BOUNCE",
        "feedback_id": row["feedback_id"],
        "message_id": message,
        "occurred_at": row["last_seen"],
    }


@terraform("ses_event_processing", scope="module")
def test_an_email_sent_without_a_configuration_set_is_told_by_its_identity(
    ses_event_processing: Any, wired: Mailing
) -> None:
    bounced, complained = f"bounce+bob@{SIMULATOR}", f"complaint+bob@{SIMULATOR}"

    wired.send(bounced, tracked=False)
    wired.send(complained, tracked=False)

    assert wired.recorded(bounced, hard_bounces=1)["reason"] == "BOUNCE"
    assert wired.recorded(complained, complaints=1)["reason"] == "COMPLAINT"
    assert (wired.listed(bounced), wired.listed(complained)) == ("BOUNCE", "COMPLAINT")


@terraform("ses_event_processing", scope="module")
def test_an_email_of_a_configuration_set_with_event_bridge_is_told_by_the_event_bus(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    address = f"bounce+bus@{SIMULATOR}"

    # The feedback of this identity goes to a topic of another owner.
    mailing.send(address, sender=f"news@{THEIRS}", by="newsletter_configuration_set")

    assert mailing.recorded(address, hard_bounces=1)["reason"] == "BOUNCE"
    assert mailing.listed(address) == "BOUNCE"


@terraform("ses_event_processing", scope="module")
def test_a_bounce_that_identity_and_configuration_set_both_tell_counts_once(
    ses_event_processing: Any, wired: Mailing
) -> None:
    address = f"bounce+both@{SIMULATOR}"

    wired.send(address)

    wired.recorded(address, hard_bounces=1)
    wired.settled()
    assert wired.row(address)["hard_bounces"] == 1
    assert len(wired.heard(address)) == 1


@terraform("ses_event_processing", scope="module")
def test_a_complaint_suppresses_and_one_that_says_not_spam_does_not(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    glad, angry = f"success+glad@{SIMULATOR}", f"success+angry@{SIMULATOR}"

    happens(mailing.send(glad), "complaint", complaintFeedbackType="not-spam")
    happens(mailing.send(angry), "complaint", complaintFeedbackType="abuse")

    assert mailing.recorded(angry, complaints=1)["reason"] == "COMPLAINT"
    mailing.settled()
    assert (mailing.listed(angry), mailing.listed(glad)) == ("COMPLAINT", None)
    assert mailing.row(glad) == {}


@terraform("ses_event_processing", scope="module")
def test_transient_bounces_suppress_at_the_limit_and_not_before(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    address = f"success+full@{SIMULATOR}"
    transient = {"bounceType": "Transient", "bounceSubType": "MailboxFull"}

    for _ in range(2):
        happens(mailing.send(address), "bounce", **transient)
    row = mailing.recorded(address, soft_bounces=2)
    assert (row.get("reason"), mailing.listed(address)) == (None, None)

    happens(mailing.send(address), "bounce", **transient)
    assert mailing.recorded(address, soft_bounces=3)["reason"] == "BOUNCE"
    assert mailing.listed(address) == "BOUNCE"
    assert len(mailing.account.eventually(lambda: mailing.heard(address), bool)) == 1


@terraform("ses_event_processing", scope="module")
def test_out_of_office_replies_suppress_nobody_and_leave_no_dead_letter(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    away, gone = f"success+away@{SIMULATOR}", f"success+gone@{SIMULATOR}"
    general = {"bounceType": "Transient", "bounceSubType": "General"}

    for _ in range(3):
        happens(mailing.send(away), "bounce", report={}, **general)
    happens(mailing.send(gone), "bounce", report={"status": "5.1.1"}, **general)

    assert mailing.recorded(gone, hard_bounces=1)["reason"] == "BOUNCE"
    mailing.settled()
    assert (mailing.row(away), mailing.listed(away)) == ({}, None)


@terraform("ses_event_processing", scope="module")
def test_copies_and_disorder_change_no_count(ses_event_processing: Any, mailing: Mailing) -> None:
    address = "copied@example.com"
    late, early = bounce(address), complaint(address)
    late["bounce"]["timestamp"] = "2026-03-05T10:00:00.000Z"
    early["complaint"]["timestamp"] = "2026-03-01T10:00:00.000Z"
    sns = mailing.account.client("sns")

    for event in (late, late, early, late, early):
        sns.publish(TopicArn=mailing.example["topic_arn"], Message=json.dumps(event))
    mailing.deliver(json.dumps(late), envelope(early))  # raw, and as SNS wraps it

    row = mailing.recorded(address, hard_bounces=1, complaints=1)
    mailing.settled()
    row = mailing.row(address)
    assert (row["hard_bounces"], row["complaints"], row["reason"]) == (1, 1, "COMPLAINT")
    assert (row["first_seen"], row["last_seen"]) == (
        "2026-03-01T10:00:00.000Z",
        "2026-03-05T10:00:00.000Z",
    )
    assert mailing.listed(address) == "COMPLAINT"


@terraform("ses_event_processing", scope="module")
def test_what_is_held_back_is_not_suppressed_again(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    address = "held-back@example.com"

    mailing.deliver(envelope(bounce(address, sub_type="OnAccountSuppressionList")))

    mailing.recorded(address, held_back=1)
    assert (mailing.listed(address), mailing.heard(address)) == (None, [])


@terraform("ses_event_processing", scope="module")
def test_a_malformed_message_ends_in_the_dead_letter_queue_and_takes_nobody_along(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    addresses = [f"beside-{n}@example.com" for n in range(4)]
    poison = envelope({"eventType": "Bounce", "poison": True})
    bodies = [envelope(bounce(address)) for address in addresses]

    with mailing.coming_back_soon():
        mailing.deliver(*bodies[:2], poison, *bodies[2:])

        for address in addresses:
            mailing.recorded(address, hard_bounces=1)
        dead = mailing.account.eventually(
            lambda: mailing.account.messages(mailing.example["dead_letter_queue_urls"]["feedback"]),
            bool,
            seconds=90,
        )
    assert dead == [poison]


@pytest.mark.parametrize("action", ["ses:PutSuppressedDestination", "events:PutEvents"])
@terraform("ses_event_processing", scope="module")
def test_a_suppression_that_fails_comes_back_until_it_succeeds(
    ses_event_processing: Any, mailing: Mailing, action: str
) -> None:
    """Also shows that nothing but the function puts simulator addresses on the list."""
    address = f"bounce+{action.split(':')[0]}@{SIMULATOR}"

    with mailing.coming_back_soon():
        with mailing.without_permission(action):
            message = mailing.send(address)
            logs = mailing.account.client("logs")
            refused = mailing.account.eventually(
                lambda: logs.filter_log_events(
                    logGroupName=f"/aws/lambda/{NAME}-feedback", filterPattern=f'"{message}"'
                )["events"],
                bool,
            )
            assert "AccessDenied" in refused[0]["message"]
            assert mailing.row(address) == {}
            assert mailing.heard(address) == []
            if action.startswith("ses:"):
                assert mailing.listed(address) is None

        mailing.recorded(address, hard_bounces=1)
    assert mailing.listed(address) == "BOUNCE"
    assert mailing.account.eventually(lambda: mailing.heard(address), bool)


@terraform("ses_event_processing", scope="module")
def test_an_alarm_goes_off_at_the_complaint_rate_at_which_ses_reviews_an_account(
    ses_event_processing: Any, mailing: Mailing
) -> None:
    for number in range(5):  # the simulator's do not count
        happens(mailing.send(f"cross-{number}@example.com"), "complaint")

    wait_for_alarm(mailing.account, f"{NAME}-complaint-rate")


@terraform("ses_event_processing", scope="module")
def test_identities_that_were_there_are_wired_and_a_topic_of_somebody_else_stays(
    ses_event_processing: Any,
    account: LocalAccount,
    example: dict[str, Any],
    identities_before: str,
) -> None:
    assert topics(account, PLAIN) == {example["topic_arn"]}
    assert topics(account, THEIRS) == {identities_before}


@terraform("ses_event_processing", scope="module")
def test_an_identity_verified_later_is_wired_by_the_schedule(
    ses_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    later = f"later.{NAME}.example.com"
    account.client("sesv2").create_email_identity(EmailIdentity=later)
    assert topics(account, later) == {None}

    fire_the_schedule()

    account.eventually(lambda: topics(account, later), lambda seen: seen == {example["topic_arn"]})
    account.client("sesv2").delete_email_identity(EmailIdentity=later)


@terraform("ses_event_processing", scope="module")
def test_a_second_plan_of_ses_event_processing_is_empty(ses_event_processing: Any) -> None:
    assert second_plan(ses_event_processing) == ""


@terraform("ses_event_processing", scope="module")
def test_destroying_ses_event_processing_leaves_nothing(
    ses_event_processing: Any, account: LocalAccount, identities_before: str
) -> None:
    assert len(left_behind(account, NAME)) > 10

    ses_event_processing.terraform.destroy()

    assert left_behind(account, NAME) == []
    schedules = account.client("scheduler").list_schedules(NamePrefix=NAME)["Schedules"]
    assert schedules == []
    assert topics(account, PLAIN) == {None}
    assert topics(account, THEIRS) == {identities_before}
