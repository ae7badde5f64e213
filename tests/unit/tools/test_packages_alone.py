"""A built package needs only the Lambda runtime, for every import of its functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import packages
from tools import package

FUNCTIONS = packages.functions()
# Imports a module, then carries out every import statement in the source of the architecture and
# of shared that is loaded, those within functions too.
IMPORT_ALL = """
import ast, importlib, pathlib

def statements(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (one for part in node.orelse for one in statements(part))
        else:
            yield from [node] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            yield from statements(node)

root, own = pathlib.Path(sys.argv[1]), {"shared", sys.argv[2].split(".")[0]}
importlib.import_module(sys.argv[2])
assert not any("site-packages" in place for place in sys.path)
done = set()
while True:
    files = [getattr(module, "__file__", None) for module in sys.modules.values()]
    loaded = {pathlib.Path(f) for f in files if f and pathlib.Path(f).is_relative_to(root)}
    left = {path for path in loaded if path.relative_to(root).parts[0] in own} - done
    if not left:
        break
    for path in left:
        for statement in statements(ast.parse(path.read_text())):
            exec(ast.unparse(statement))
    done |= left
print(len(done))
"""
BATCH = """
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor, EventType, process_partial_response,
)
from types import SimpleNamespace as Namespace

def handle(record):
    if record.body == "bad":
        raise ValueError(record.message_id)

record = {"messageId": "m", "receiptHandle": "r", "body": "good", "attributes": {},
          "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
          "eventSourceARN": "a", "awsRegion": "b"}
event = {"Records": [record, {**record, "messageId": "n", "body": "bad"}]}
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
answer = process_partial_response(
    event=event, record_handler=handle, processor=processor,
    context=Namespace(function_name="f"),
)
assert answer == {"batchItemFailures": [{"itemIdentifier": "n"}]}, answer
"""
LOGGER = """
from aws_lambda_powertools import Logger
from types import SimpleNamespace as Namespace

logger = Logger(service="test")

@logger.inject_lambda_context
def handler(event, context):
    logger.info("read", extra={"rows": 1})
    logger.warning("refused", code="x")
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("failed")
    return "done"

context = Namespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a",
                    aws_request_id="r")
assert handler({}, context) == "done"
"""
METRICS = """
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit, single_metric

metrics = EphemeralMetrics(namespace="Test")
metrics.add_dimension("FunctionName", "f")
metrics.add_metric("Rows", MetricUnit.Count, 1)
metrics.flush_metrics()
with single_metric(name="Rows", unit=MetricUnit.Count, value=1, namespace="Test",
                   default_dimensions={"service": "s"}) as metric:
    metric.add_dimension("FunctionName", "f")
"""
NUMBERS = """
import phonenumbers

for region in phonenumbers.SUPPORTED_REGIONS:
    assert phonenumbers.PhoneMetadata.metadata_for_region(region) is not None, region
number = phonenumbers.parse("(425) 679-1901", "US")
assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == "+14256791901"
assert phonenumbers.is_valid_number(number)
"""
NUMBER_ZONES = """
import zoneinfo

from shared.local_hours import zones_of_number

zoneinfo.reset_tzpath([])
assert [zone.key for zone in zones_of_number("+12125550123")] == ["America/New_York"]
assert len(zones_of_number("+61412345678")) > 1
"""
QUERIES = """
from federated_segmentation.query_check import InvalidQuery, check_query

sql = (
    "WITH c AS (SELECT * FROM t) SELECT map(ARRAY[a], ARRAY[b])[1] AS Id, CAST(c AS row(d int)).d "
    "AS \\"Attributes.D\\" FROM c CROSS JOIN UNNEST(e) AS u(f) WHERE g > interval '1' day UNION "
    "SELECT date_format(current_timestamp, '%Y'), lower(x) FROM d"
)
assert check_query(sql, mutates=True, databases=["d"]).columns == ("Id", "Attributes.D")
for refused in ("DROP TABLE t", "SELECT a b c", "SELECT * FROM t", "SELECT a AS First_Name FROM t"):
    try:
        check_query(refused, mutates=False, databases=["d"])
    except InvalidQuery:
        continue
    raise AssertionError(refused)
"""
ZONES = """
import zoneinfo

zoneinfo.reset_tzpath([])
assert len(zoneinfo.available_timezones()) > 500
for name in zoneinfo.available_timezones():
    zoneinfo.ZoneInfo(name)
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every package, built and unpacked, and the runtime, by name."""
    root = tmp_path_factory.mktemp("packages")
    folders = {
        name: packages.unpack(package.build(name), root / name)
        for name in package.architectures(packages.SOURCE)
    }
    return {**folders, "runtime": packages.runtime(root / "runtime")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_finds_in_its_package_whatever_it_imports(
    function: str, unpacked: dict[str, Path]
) -> None:
    architecture = function.split(".")[0]
    folder = unpacked[architecture]

    run = packages.run_in(
        [folder, unpacked["runtime"]],
        IMPORT_ALL,
        str(folder),
        function,
        environ=packages.settings(folder, architecture),
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout.splitlines()[-1]) > 2


@pytest.mark.parametrize(
    ("architecture", "program"),
    [
        ("campaign_create", LOGGER),
        ("s3_triggered_import", BATCH),
        ("import_validate_campaign", BATCH),
        ("ses_auto_reply", METRICS),
        ("engagement_hub", METRICS),
        ("engagement_hub", ZONES),
        ("ses_vdm_export", ZONES),
        ("phone_number_validate", NUMBERS),
        ("connect_campaign_channel", NUMBER_ZONES),
        ("federated_segmentation", QUERIES),
    ],
)
def test_a_library_works_with_what_a_package_keeps_of_it(
    architecture: str, program: str, unpacked: dict[str, Path]
) -> None:
    folder = unpacked[architecture]

    run = packages.run_in(
        [folder, unpacked["runtime"]],
        program,
        environ=packages.settings(folder, architecture),
    )

    assert run.returncode == 0, run.stderr
