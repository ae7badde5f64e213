"""Whatever an export lists, each endpoint has an outcome, and only its own number is written."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phone_number_validate.work_items import CHANNELS, work_items
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.random_input import ODD_TEXTS, TEXTS, fuzz, json_values

SETTINGS = {
    "PROJECT_ID": "app1",
    "BUCKET": "work",
    "TABLE": "verdicts",
    "CACHE_DAYS": "90",
    "VALIDATIONS_PER_SECOND": "20",
}
COUNTRIES = ["US", "USA", "gb", "DE", "DEU", "CN", "MX", "AR", "IT", "AQ", "XX", "", "\u202fUS"]
E164 = re.compile(r"\+[1-9]\d{1,14}")
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def numbers(draw: Any) -> str:
    """A number of some country in some spelling, or digits and signs of no country."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return draw(st.text(alphabet="+0123456789 ()-./#;,*x\u0661\uff11\u200b", max_size=18))
    if kind == 1:
        return draw(TEXTS)
    number = phonenumbers.example_number(draw(st.sampled_from(REGIONS)))
    assert number is not None
    style = draw(st.sampled_from(list(range(4))))
    text = phonenumbers.format_number(number, style)
    change = draw(
        st.sampled_from(["", "00", "+", "plus", "digit", "wide", "ext", ".0", "two", "hidden", "0"])
    )
    match change:
        case "00":
            return text.replace("+", "00")
        case "+":
            return text.replace("+", "")
        case "plus":
            return f"+{text}"
        case "digit":
            return text[:-1]
        case "wide":
            return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)
        case "ext":
            return f"{text}#12"
        case "two":
            return f"{text} / {draw(st.sampled_from(['+12065550100', '555']))}"
        case "hidden":
            return f"\u202a{text}\u202c"
        case "0":
            return f"0{text}"
    return text + (change if change == ".0" else "")


@st.composite
def exported(draw: Any) -> dict[str, Any]:
    """One endpoint as an export lists it."""
    endpoint: dict[str, Any] = {
        "Id": draw(st.sampled_from(["a", "b", "c", "ü", *ODD_TEXTS[:3]])),
        "ChannelType": draw(st.sampled_from(["SMS", "SMS", "VOICE", "EMAIL", "GCM"])),
        "Address": draw(numbers()),
    }
    for name, values in {
        "EndpointStatus": st.sampled_from(["ACTIVE", "INACTIVE"]),
        "Location": st.fixed_dictionaries({}, optional={"Country": st.sampled_from(COUNTRIES)}),
        "Attributes": st.just({}) | st.just({"PNV_OriginalPhoneNumber": ["x" * 150]}),
    }.items():
        if draw(st.booleans()):
            endpoint[name] = draw(values)
    return endpoint


class Pinpoint:
    """Answers a question about a number with its own number, INVALID, or odd members."""

    exceptions = SimpleNamespace(BadRequestException=type("BadRequest", (Exception,), {}))

    def __init__(self, answers: Iterator[Any]) -> None:
        self.asked: list[dict[str, str]] = []
        self.written: dict[str, dict[str, Any]] = {}
        self._answers = answers

    def phone_number_validate(self, *, NumberValidateRequest: Any) -> Any:
        self.asked.append(NumberValidateRequest)
        answer = next(self._answers, None)
        if answer == "refused":
            raise self.exceptions.BadRequestException
        own = {
            "PhoneType": "MOBILE",
            "CleansedPhoneNumberE164": NumberValidateRequest["PhoneNumber"],
        }
        if answer == "invalid":
            own = {"PhoneType": "INVALID"}
        return {"NumberValidateResponse": own | (answer if isinstance(answer, dict) else {})}

    def update_endpoints_batch(self, *, ApplicationId: str, EndpointBatchRequest: Any) -> None:
        for item in EndpointBatchRequest["Item"]:
            assert item["Id"] not in self.written
            self.written[item["Id"]] = item


@pytest.fixture(scope="module")
def validate() -> Iterator[Any]:
    """The function of the Distributed Map, with memory for the cache and the results."""
    with pytest.MonkeyPatch.context() as patch:
        module = load_function(patch, "phone_number_validate.functions.validate_batch", SETTINGS)
        results: dict[str, Any] = {}
        fake_s3 = SimpleNamespace(
            put_object=lambda **put: results.update({put["Key"]: json.loads(put["Body"])})
        )
        patch.setattr(module, "s3", lambda: fake_s3)
        patch.setattr(module, "limiter", SimpleNamespace(reserve=lambda n: 0.0))
        patch.setattr(module, "QUOTA", 1e6)

        def run(items: list[Any], pinpoint: Pinpoint) -> dict[str, Any]:
            cache: Any = SimpleNamespace(
                read=lambda numbers, since: {}, write=lambda verdicts: None
            )
            patch.setattr(module, "cache", cache)
            patch.setattr(module, "pinpoint", pinpoint)
            patch.setattr(module, "aws_pinpoint", pinpoint)
            results.clear()
            event = {
                "Items": json.loads(json.dumps(items)),
                "BatchInput": {
                    "RunStarted": "2026-11-23T10:00:00.000Z",
                    "Round": 1,
                    "MarksEndpoints": True,
                    "ResultsPrefix": "results/",
                },
            }
            module.lambda_handler(event, CONTEXT)
            [result] = results.values()
            return dict(result)

        yield run


def digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())


@pytest.mark.books
@fuzz(30)
@given(
    st.lists(exported(), min_size=1, max_size=8),
    st.sampled_from([None, "US", "DE", "AR"]),
    st.lists(
        st.sampled_from(["refused", "invalid", None])
        | st.dictionaries(
            st.sampled_from(["Carrier", "City", "ZipCode", "Timezone", "Extra"]), json_values(TEXTS)
        ),
        max_size=8,
    ),
)
def test_each_endpoint_has_a_verdict_on_its_own_number(validate, endpoints, country, answers):
    texted: dict[str, Any] = {}
    for endpoint in endpoints:
        if endpoint["ChannelType"] in CHANNELS:
            texted.setdefault(endpoint["Id"], endpoint)

    items = work_items(endpoints, country)

    listed = [e["Id"] for item in items for e in item["Endpoints"]]
    assert sorted(listed) == sorted(texted)
    assert [item["Row"] for item in items] == list(range(len(items)))
    asked = [item["Number"] for item in items if item["Number"]]
    assert max(Counter(asked).values(), default=1) == 1
    if not items:
        return

    pinpoint = Pinpoint(iter(answers))
    result = validate(items, pinpoint)

    assert sorted(pinpoint.written) == sorted(texted)
    counts = result["Counts"]
    assert counts["Valid"] + counts["Invalid"] == len(texted)
    assert counts["Paid"] == len(pinpoint.asked) == len(asked)
    assert len(result["InvalidEndpoints"]) == counts["Invalid"]
    assert all(line["Reason"] for line in result["InvalidEndpoints"])
    for request in pinpoint.asked:
        assert E164.fullmatch(request["PhoneNumber"])
        assert re.fullmatch(r"[A-Z]{2}", request.get("IsoCountryCode", "US"))
    for id, update in pinpoint.written.items():
        address = texted[id]["Address"]
        if "Address" not in update:
            continue
        # The number that is written is the number that was there: its own digits, no letters.
        national = str(phonenumbers.parse(update["Address"]).national_number)
        assert national in digits(address), (address, update["Address"])
        assert not any(c.isalpha() for c in address)
