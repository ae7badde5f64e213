"""From an export to distinct numbers: normalised by country, each asked about once."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from, text

from phone_number_validate.countries import alpha2
from phone_number_validate.work_items import possible_number, work_items


def endpoint(address, id="e1", **members):
    return {
        "Id": id,
        "Address": address,
        "ChannelType": "SMS",
        "EndpointStatus": "ACTIVE",
    } | members


def e164(address, country):
    number = possible_number(address, country)
    return number and number.e164


@pytest.mark.parametrize(
    ("address", "country", "expected"),
    [
        ("(202) 555-0191", "US", "+12025550191"),
        ("14256791901", "US", "+14256791901"),
        ("+3212345678", "US", "+3212345678"),
        ("0478 12 34 56", "BE", "+32478123456"),
        ("+1 425-679-1901", None, "+14256791901"),
        ("0044 20 7946 0018", "DE", "+442079460018"),
    ],
)
def test_a_number_is_read_by_its_own_country_and_never_by_gluing_on_a_code(
    address, country, expected
):
    assert e164(address, country) == expected


@pytest.mark.parametrize(
    "address", ["", "abc", "555-0191", "12", "+1425679190155555", "+999123456"]
)
def test_a_number_that_cannot_exist_is_known_without_asking(address):
    assert possible_number(address, "US") is None


@pytest.mark.parametrize("country", [None, "US", "GB"])
@pytest.mark.parametrize(
    "address",
    [
        "+1 425 555 XXXX",
        "+44 79OO 9OO123",
        "+4072d3800439",
        "1-800-FLOWERS",
        "4.479E+11",
        "#REF!",
        "+1 206 555 0199 ext. 5",
        "+1206\N{CYRILLIC SMALL LETTER ZE}550199",
    ],
)
def test_letters_never_become_digits_of_somebody_s_number(address, country):
    assert possible_number(address, country) is None


@pytest.mark.parametrize(
    ("address", "country", "expected"),
    [
        ("12065550182", "CN", "+12065550182"),
        ("14255550199", "GB", "+14255550199"),
        ("14255550199", None, "+14255550199"),
        ("447900900123", "US", "+447900900123"),
        ("447900900123", None, "+447900900123"),
        ("447900900123", "DE", "+447900900123"),
        ("00447900900123", None, "+447900900123"),
        ("00447900900123", "US", "+447900900123"),
        ("447900900123.0", "US", "+447900900123"),
    ],
)
def test_a_country_code_without_its_plus_is_read_where_the_number_is_valid_so(
    address, country, expected
):
    assert e164(address, country) == expected


@pytest.mark.parametrize(
    ("address", "country", "expected"),
    [
        ("15012345678", "CN", "+8615012345678"),  # +1 501 234 5678 is a number of Arkansas
        ("4792001234", "US", "+14792001234"),  # +47 920 01 234 is a mobile of Norway
        ("6598001234", "IN", "+916598001234"),  # +65 9800 1234 is a mobile of Singapore
        ("478 12 34 56", "BE", "+32478123456"),
    ],
)
def test_a_number_that_its_own_country_writes_so_is_not_read_as_a_foreign_one(
    address, country, expected
):
    assert e164(address, country) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("+1 0 206 555 0199", "+12065550199"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("(+52) 1 55 1234 5678", "+525512345678"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+54 9 11 2345 6789", "+5491123456789"),
    ],
)
def test_a_trunk_digit_after_the_country_code_goes(address, expected):
    assert e164(address, None) == expected


def test_a_number_of_a_range_that_the_library_does_not_know_is_asked_about():
    assert e164("+1 555 123 4567", None) == "+15551234567"
    assert e164("(555) 123-4567", "US") == "+15551234567"


@pytest.mark.parametrize(
    "address",
    ["\N{NO-BREAK SPACE}+14256791901 ", "\N{ZERO WIDTH SPACE}+1425\N{WORD JOINER}6791901"],
)
def test_invisible_characters_are_no_part_of_a_number(address):
    assert e164(address, None) == "+14256791901"


def test_without_a_country_a_national_number_is_not_guessed():
    assert possible_number("(202) 555-0191", None) is None


def test_the_country_asked_about_is_the_number_s_own():
    assert possible_number("+32478123456", "US").country == "BE"
    assert possible_number("+14256791901", "CA").country == "CA"
    assert possible_number("+14256791901", None).country == "US"


def test_a_number_on_many_endpoints_in_many_spellings_is_asked_about_once():
    items = work_items(
        [
            endpoint("(425) 679-1901", "e1"),
            endpoint("+14256791901", "e2", ChannelType="VOICE"),
            endpoint("1-425-679-1901", "e3", Location={"Country": "USA"}),
        ],
        "US",
    )

    assert [item["Number"] for item in items] == ["+14256791901"]
    assert [e["Id"] for e in items[0]["Endpoints"]] == ["e1", "e2", "e3"]


def test_an_endpoint_s_country_goes_before_the_default_one():
    items = work_items([endpoint("0478 12 34 56", Location={"Country": "BEL"})], "US")

    assert (items[0]["Number"], items[0]["Country"]) == ("+32478123456", "BE")


def test_an_endpoint_that_is_exported_twice_counts_once():
    assert len(work_items([endpoint("+14256791901")] * 2, None)[0]["Endpoints"]) == 1


def test_endpoints_of_other_channels_are_left_alone():
    assert work_items([endpoint("ann@example.com", ChannelType="EMAIL")], "US") == []


def test_an_impossible_number_is_an_item_without_a_number():
    items = work_items([endpoint("abc"), endpoint("12", "e2")], "US")

    assert [item["Number"] for item in items] == [None, None]


def test_the_address_before_the_first_validation_is_kept():
    validated = endpoint("+14256791901", Attributes={"PNV_OriginalPhoneNumber": ["(425) 679-1901"]})

    assert work_items([validated], "US")[0]["Endpoints"][0]["Original"] == "(425) 679-1901"


def test_an_empty_segment_is_no_work():
    assert work_items([], "US") == []


@given(lists(sampled_from(["+14256791901", "4256791901", "+32478123456", "x", ""])))
def test_every_endpoint_is_in_exactly_one_item(addresses):
    endpoints = [endpoint(address, f"e{i}") for i, address in enumerate(addresses)]

    items = work_items(endpoints, "US")

    ids = [e["Id"] for item in items for e in item["Endpoints"]]
    assert sorted(ids) == sorted(e["Id"] for e in endpoints)
    assert [item["Row"] for item in items] == list(range(len(items)))


@given(text())
def test_no_address_whatsoever_breaks_the_list(address):
    assert len(work_items([endpoint(address)], "US")) == 1


def test_every_country_with_a_numbering_plan_has_its_three_letter_code():
    ours = {
        alpha2(code)
        for code in ("USA", "CAN", "GBR", "DEU", "BEL", "IND", "BRA", "JPN", "ZAF", "AUS", "NZL")
    }
    assert ours == {"US", "CA", "GB", "DE", "BE", "IN", "BR", "JP", "ZA", "AU", "NZ"}
    missing = {region for region in phonenumbers.SUPPORTED_REGIONS if alpha2(region) is None}
    # Ascension, Tristan da Cunha and Kosovo have numbers and no ISO 3166-1 code.
    assert missing == {"AC", "TA", "XK"}


@pytest.mark.parametrize("country", [None, "", "U", "ZZZ", "Belgium"])
def test_what_is_no_country_code_is_ignored(country):
    assert alpha2(country) is None
