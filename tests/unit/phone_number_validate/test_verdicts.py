"""Verdicts on endpoints: every endpoint is marked, and no inactive endpoint is activated."""

import pytest

from phone_number_validate.verdicts import (
    IMPOSSIBLE,
    Verdict,
    batches_of,
    endpoint_update,
    verdict_from,
)

MOBILE = {
    "Carrier": "Carrier A",
    "City": "Seattle",
    "CleansedPhoneNumberE164": "+14256791901",
    "CleansedPhoneNumberNational": "4256791901",
    "Country": "United States",
    "CountryCodeIso2": "US",
    "PhoneType": "MOBILE",
    "PhoneTypeCode": 0,
    "Timezone": "America/Los_Angeles",
    "ZipCode": "98004",
}


def endpoint(**members):
    return {
        "Id": "e1",
        "Address": "(425) 679-1901",
        "Original": "(425) 679-1901",
        "Inactive": False,
    } | members


def test_a_valid_number_gets_its_address_and_attributes():
    assert endpoint_update(endpoint(), verdict_from(MOBILE)) == {
        "Id": "e1",
        "Address": "+14256791901",
        "Attributes": {
            "PNV_PhoneNumberValidated": ["Yes"],
            "PNV_OriginalPhoneNumber": ["(425) 679-1901"],
            "PNV_Carrier": ["Carrier A"],
            "PNV_City": ["Seattle"],
            "PNV_Country": ["United States"],
            "PNV_CountryCodeIso2": ["US"],
            "PNV_PhoneType": ["MOBILE"],
            "PNV_Timezone": ["America/Los_Angeles"],
            "PNV_ZipCode": ["98004"],
        },
    }


def test_an_answer_without_a_cleansed_number_marks_the_endpoint_invalid_and_keeps_its_address():
    answer = {"PhoneType": "INVALID", "PhoneTypeCode": 3, "OriginalPhoneNumber": "+1555"}

    update = endpoint_update(endpoint(), verdict_from(answer))

    assert "Address" not in update
    assert update["Attributes"]["PNV_PhoneNumberValidated"] == ["Yes"]
    assert update["Attributes"]["PNV_PhoneType"] == ["INVALID"]
    assert update["Attributes"]["PNV_Carrier"] == ["Unknown"]


def test_a_type_without_a_cleansed_number_is_invalid_all_the_same():
    assert not verdict_from({"PhoneType": "MOBILE"}).valid


def test_an_impossible_number_is_marked_like_an_invalid_one():
    update = endpoint_update(endpoint(), IMPOSSIBLE)

    assert update["Attributes"]["PNV_PhoneType"] == ["INVALID"]
    assert update["Attributes"]["PNV_PhoneNumberValidated"] == ["Yes"]


def test_a_landline_is_valid_and_says_that_it_is_one():
    verdict = verdict_from(MOBILE | {"PhoneType": "LANDLINE"})

    assert verdict.valid
    assert endpoint_update(endpoint(), verdict)["Attributes"]["PNV_PhoneType"] == ["LANDLINE"]


@pytest.mark.parametrize("verdict", [verdict_from(MOBILE), IMPOSSIBLE])
def test_nobody_who_opted_out_is_woken(verdict):
    update = endpoint_update(endpoint(), verdict)

    assert not {"OptOut", "ChannelType", "EndpointStatus"} & set(update)


def test_an_inactive_endpoint_stays_inactive():
    assert endpoint_update(endpoint(Inactive=True), IMPOSSIBLE)["EndpointStatus"] == "INACTIVE"


def test_values_fit_pinpoint_s_limit():
    update = endpoint_update(endpoint(Original="1" * 300), Verdict({"Carrier": "x" * 300}))

    assert len(update["Attributes"]["PNV_Carrier"][0]) == 100
    assert len(update["Attributes"]["PNV_OriginalPhoneNumber"][0]) == 100


@pytest.mark.parametrize(("updates", "calls"), [(0, 0), (1, 1), (100, 1), (101, 2), (1000, 10)])
def test_a_hundred_endpoints_are_one_call(updates, calls):
    batches = list(batches_of({"Id": str(i)} for i in range(updates)))

    assert len(batches) == calls
    assert [u["Id"] for batch in batches for u in batch] == [str(i) for i in range(updates)]
