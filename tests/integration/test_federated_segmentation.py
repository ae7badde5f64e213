"""Queries on a lake and the event database become segments and attributes, each run once."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from pytest_terraform import terraform

from shared.pinpoint import all_items
from tests.builders.example_program import example_program
from tests.builders.faults import fault
from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

# The people of orders.json and program.py who bought or looked at red shoes, and opened an email.
RED_SHOES = ["ann", "bob"]


@pytest.fixture(scope="module")
def example(federated_segmentation: Any) -> dict[str, Any]:
    return outputs(federated_segmentation)


@pytest.fixture(scope="module")
def inbox(example: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(example["notification_topic_arn"], "segmentations")


@pytest.fixture(scope="module")
def sampled(example: dict[str, Any], account: LocalAccount) -> dict[str, Any]:
    """The example with its endpoints, once the database shows their opened emails."""
    with redirect_stdout(StringIO()):
        example_program("federated_segmentation", "program").sample(example)
    athena = account.client("athena")

    def opens() -> int:
        query = athena.start_query_execution(
            QueryString=f"SELECT endpoint_id FROM {example['events_database']}.email_open",
            WorkGroup=example["athena_workgroup"],
        )["QueryExecutionId"]
        state = account.eventually(
            lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"],
            lambda status: status["State"] not in ("QUEUED", "RUNNING"),
        )
        assert state["State"] == "SUCCEEDED", state
        return len(athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]) - 1

    account.eventually(opens, lambda number: number == 4, seconds=90)
    return example


def start(account: LocalAccount, example: dict[str, Any], **options: Any) -> str:
    options["input"] = json.dumps(options["input"])
    started = account.client("stepfunctions").start_execution(
        stateMachineArn=example["state_machine_arn"], **options
    )
    return str(started["executionArn"])


def run(account: LocalAccount, example: dict[str, Any], query: str, **members: str) -> Any:
    """Run a query to its end; the description of the execution."""
    given = {"Query": query, "Type": "direct", **members}
    return account.finished(start(account, example, input=given))


def told(inbox: Inbox, ended: dict[str, Any], kind: str) -> dict[str, Any]:
    """The notification of an execution."""
    name = ended["executionArn"].rsplit(":", 1)[-1]
    return inbox.wait_for(kind, lambda body: body["CorrelationId"] == name)


def members(account: LocalAccount, result: dict[str, Any]) -> list[str]:
    """The ids on the list that a run's import filled, each as often as it is there."""
    pages = (
        account.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName="red-shoes-hub-endpoints",
            FilterExpression="begins_with(sk, :member) AND contains(pk, :list)",
            ExpressionAttributeValues={
                ":member": {"S": "endpoint#"},
                ":list": {"S": f"#list#{result['ImportResult']['Id']}#"},
            },
        )
    )
    found = [item["sk"]["S"] for page in pages for item in page["Items"]]
    return sorted(key.removeprefix("endpoint#") for key in found)


def endpoint(example: dict[str, Any], name: str) -> dict[str, Any]:
    pinpoint = hub_client(example["api_url"])
    answer = pinpoint.get_endpoint(ApplicationId=example["project_id"], EndpointId=name)
    return dict(answer["EndpointResponse"])


def size(example: dict[str, Any], segment_id: str) -> int:
    """How many endpoints an imported segment has."""
    pinpoint = hub_client(example["api_url"])
    answer = pinpoint.get_segment(ApplicationId=example["project_id"], SegmentId=segment_id)
    return int(answer["SegmentResponse"]["ImportDefinition"]["Size"])


def segments(example: dict[str, Any]) -> list[str]:
    pinpoint = hub_client(example["api_url"])
    return [
        segment["Name"]
        for segment in all_items(pinpoint.get_segments, ApplicationId=example["project_id"])
    ]


def queries(account: LocalAccount, example: dict[str, Any]) -> int:
    """How many queries the workgroup has run."""
    pages = account.client("athena").get_paginator("list_query_executions")
    found = pages.paginate(WorkGroup=example["athena_workgroup"])
    return sum(len(page["QueryExecutionIds"]) for page in found)


@terraform("federated_segmentation", scope="module")
def test_who_bought_or_looked_at_red_shoes_and_opened_an_email_is_the_segment(
    federated_segmentation: Any, sampled: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    ended = run(account, sampled, sampled["query"], SegmentName="Red shoes")

    notification = told(inbox, ended, "success")
    assert notification["subject"] == "Federated Segmentation Query Successful"
    result = notification["body"]["Result"]
    assert (result["Outcome"], result["ImportResult"]["TotalProcessed"]) == ("IMPORTED", 2)
    assert members(account, result) == RED_SHOES
    # A query that only says who is meant changes no endpoint.
    assert endpoint(sampled, "ann")["Attributes"] == {"Plan": ["gold"]}


@terraform("federated_segmentation", scope="module")
def test_a_mutate_run_writes_attributes_and_makes_no_segment(
    federated_segmentation: Any, sampled: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    before = segments(sampled)
    query = (
        'SELECT endpoint_id AS "Id", max_by(product, day) AS "Attributes.Last product", '
        "count(*) AS \"Metrics.Orders\" FROM orders WHERE endpoint_id IN ('ann', 'cem') GROUP BY 1"
    )

    ended = run(account, sampled, query, Type="mutate")

    assert told(inbox, ended, "success")["body"]["Result"]["Outcome"] == "IMPORTED"
    changed = endpoint(sampled, "ann")
    assert changed["Attributes"] == {"Plan": ["gold"], "Last product": ["Red shoes"]}
    assert changed["Metrics"] == {"Orders": 2.0}
    assert endpoint(sampled, "cem")["Metrics"] == {"Orders": 1.0}
    assert segments(sampled) == before


@terraform("federated_segmentation", scope="module")
def test_an_empty_result_empties_the_segment(
    federated_segmentation: Any, sampled: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    everyone = 'SELECT endpoint_id AS "Id" FROM orders'
    first = run(account, sampled, f"{everyone} GROUP BY 1", SegmentName="Shoppers")
    filled = told(inbox, first, "success")["body"]["Result"]
    segment = filled["SegmentId"]
    assert members(account, filled) == ["ann", "bob", "cem", "dee", "eli"]
    assert size(sampled, segment) == 5

    second = run(
        account, sampled, f"{everyone} WHERE false", SegmentName="Shoppers", SegmentId=segment
    )

    result = told(inbox, second, "success")["body"]["Result"]
    assert (result["Outcome"], result["SegmentId"]) == ("EMPTY", segment)
    assert size(sampled, segment) == 0


@terraform("federated_segmentation", scope="module")
def test_rejected_rows_are_told_and_the_good_ones_are_imported(
    federated_segmentation: Any, sampled: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    query = (
        "SELECT endpoint_id AS \"Id\", IF(endpoint_id = 'dee', 'many', '7') AS \"Metrics.Size\" "
        "FROM orders WHERE endpoint_id IN ('dee', 'eli')"
    )

    ended = run(account, sampled, query, SegmentName="Sizes")

    result = told(inbox, ended, "success")["body"]["Result"]
    assert (result["Outcome"], result["ImportResult"]["TotalFailures"]) == ("PARTIAL", 1)
    assert members(account, result) == ["eli"]
    assert endpoint(sampled, "eli")["Metrics"] == {"Size": 7.0}


@terraform("federated_segmentation", scope="module")
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("DROP TABLE orders; SELECT endpoint_id AS Id FROM orders", "must be one SELECT"),
        ('SELECT endpoint_id AS "Id", product AS Product FROM orders', "Column Product"),
    ],
)
def test_a_bad_query_is_told_by_its_reason_and_never_run(
    federated_segmentation: Any,
    example: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    query: str,
    reason: str,
) -> None:
    before = queries(account, example)

    ended = run(account, example, query, SegmentName="Bad")

    failed = told(inbox, ended, "failure")
    assert failed["subject"] == "Federated Segmentation Query Invalid"
    assert reason in failed["body"]["Result"]["StatusMessage"]
    assert (ended["status"], ended["error"]) == ("FAILED", "QueryInvalid")
    assert reason in ended["cause"]
    assert queries(account, example) == before


@terraform("federated_segmentation", scope="module")
def test_a_location_that_is_not_granted_is_not_read(
    federated_segmentation: Any, example: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    glue = account.client("glue")
    shop = example["events_database"].replace("_events", "_shop")
    table = glue.get_table(DatabaseName=shop, Name="orders")["Table"]
    storage = table["StorageDescriptor"]
    private = storage["Location"].replace("/orders/", "/private/")
    account.client("s3").put_object(
        Bucket=private.split("/")[2], Key="private/a.json", Body=b'{"endpoint_id": "ann"}'
    )
    glue.create_table(
        DatabaseName=shop,
        TableInput={
            "Name": "private",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage | {"Location": private},
        },
    )

    ended = run(account, example, 'SELECT endpoint_id AS "Id" FROM private', SegmentName="Private")

    glue.delete_table(DatabaseName=shop, Name="private")
    failed = told(inbox, ended, "failure")
    assert failed["subject"] == "Federated Segmentation Query Failed"
    assert failed["body"]["Result"]["QueryState"] == "FAILED"
    assert "PERMISSION_DENIED" in failed["body"]["Result"]["StatusMessage"]
    assert ended["error"] == "QueryFailed"


LOST = {
    "the start of the query": {"service": "athena", "operation": "StartQueryExecution"},
    "the import job": {"service": "execute-api", "method": "POST", "path": "*/jobs/import"},
}


@terraform("federated_segmentation", scope="module")
@pytest.mark.parametrize("name", LOST)
def test_a_lost_answer_of_athena_or_the_hub_imports_once(
    federated_segmentation: Any,
    sampled: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    name: str,
) -> None:
    before = queries(account, sampled)
    query = 'SELECT endpoint_id AS "Id" FROM orders GROUP BY 1'

    with fault(account, "reset-after", **LOST[name]):
        ended = run(account, sampled, query, SegmentName=name)

    result = told(inbox, ended, "success")["body"]["Result"]
    assert result["ImportResult"]["TotalProcessed"] == 5
    assert queries(account, sampled) == before + 1
    assert segments(sampled).count(name) == 1
    pinpoint = hub_client(sampled["api_url"])
    jobs = all_items(pinpoint.get_import_jobs, ApplicationId=sampled["project_id"])
    copy = f"imports/{result['QueryExecutionId']}.csv"
    assert len([job for job in jobs if job["Definition"]["S3Url"].endswith(copy)]) == 1


@terraform("federated_segmentation", scope="module")
def test_a_time_of_a_schedule_that_is_delivered_twice_is_one_run(
    federated_segmentation: Any, sampled: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    for _ in range(2):  # EventBridge Scheduler may deliver a time twice
        fired = account.local("scheduler/red-shoes-nightly/fire?at=2031-05-06T03:00:00Z", {})
        assert fired["result"] == "invoked", fired

    scheduled = account.eventually(
        lambda: [
            execution
            for execution in account.executions(sampled["state_machine_arn"])
            if execution["name"] == "nightly-2031-05-06T03-00-00Z"
        ],
        bool,
    )
    ended = account.finished(scheduled[0]["executionArn"])
    result = told(inbox, ended, "success")["body"]["Result"]
    assert result["SegmentName"] == "Red shoes"
    assert members(account, result) == RED_SHOES
    assert len(scheduled) == 1
    [queue] = sampled["dead_letter_queue_urls"].values()
    assert account.messages(queue) == []


@terraform("federated_segmentation", scope="module")
def test_a_second_plan_of_federated_segmentation_is_empty(federated_segmentation: Any) -> None:
    assert second_plan(federated_segmentation) == ""
