"""Updates of an endpoint and its user, and the endpoints that an update deactivates."""

import botocore.loaders
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_hub.engagement import errors, model
from engagement_hub.engagement.endpoint_requests import InvalidMember, checked_request
from engagement_hub.engagement.endpoints import (
    attach,
    displaced,
    endpoint_id_for,
    matching_attribute_names,
    superseded,
    visible,
)
from tests.builders.engagement import APP_ID, NOW, a_request, an_endpoint, merge

LATER = "2026-11-02T09:00:00.000Z"

# Creating


def test_a_new_endpoint_is_active_opted_in_and_dated():
    created = merge(None, a_request(), endpoint_id="endpoint-9", cohort=7, request_id="request-9")

    assert created.user is None
    assert created.endpoint == {
        "ApplicationId": APP_ID,
        "Id": "endpoint-9",
        "Address": "+12065550142",
        "ChannelType": "SMS",
        "CohortId": "7",
        "CreationDate": NOW,
        "EffectiveDate": NOW,
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "RequestId": "request-9",
    }


def test_a_new_address_needs_its_channel():
    with pytest.raises(InvalidMember, match="ChannelType is missing.*SMS"):
        merge(None, {"Address": "+12065550142"})


@pytest.mark.parametrize("channel", ["SMS", "EMAIL", "VOICE", "CUSTOM"])
def test_a_new_endpoint_needs_the_address_of_its_channel(channel):
    with pytest.raises(InvalidMember, match=f"Address is missing.*{channel}"):
        merge(None, {"ChannelType": channel, "Address": ""})


@pytest.mark.parametrize("update", [{}, {"ChannelType": "GCM"}, {"ChannelType": "IN_APP"}])
def test_a_device_may_register_before_it_knows_its_token(update):
    assert "Address" not in merge(None, update).endpoint


# Merging


def test_members_left_out_stay_and_members_given_replace():
    current = an_endpoint(OptOut="ALL", CohortId="3", RequestId="old", CreationDate="long ago")

    merged = merge(current, {"Address": "+12065550199"}, now=LATER, cohort=99).endpoint

    assert merged == {
        **current,
        "Address": "+12065550199",
        "EffectiveDate": LATER,
        "RequestId": "request-2",
    }


def test_an_attribute_given_has_its_whole_value_list_replaced():
    current = an_endpoint(Attributes={"Team": ["red", "blue"], "Plan": ["gold"]})

    merged = merge(current, {"Attributes": {"Team": ["green"]}}).endpoint

    assert merged["Attributes"] == {"Team": ["green"], "Plan": ["gold"]}


def test_an_empty_value_list_removes_the_attribute():
    current = an_endpoint(Attributes={"Team": ["red"], "Plan": ["gold"]})

    merged = merge(current, {"Attributes": {"Team": []}}).endpoint

    assert merged["Attributes"] == {"Plan": ["gold"]}


def test_bare_values_of_attributes_become_lists_of_strings():
    given_values = {"Plan": "gold", "Age": 42, "Score": [1.5, True], "None": None}

    merged = merge(None, {"Attributes": given_values}).endpoint

    assert merged["Attributes"] == {"Plan": ["gold"], "Age": ["42"], "Score": ["1.5", "true"]}


@pytest.mark.parametrize(
    ("member", "before", "update", "after"),
    [
        ("Metrics", {"A": 1.0, "B": 2.0}, {"B": 3}, {"A": 1.0, "B": 3.0}),
        ("Location", {"City": "Bonn"}, {"Country": "DE"}, {"City": "Bonn", "Country": "DE"}),
        ("Demographic", {"Make": "LG"}, {"Make": "HTC", "Model": None}, {"Make": "HTC"}),
    ],
)
def test_metrics_location_and_demographic_merge_member_by_member(member, before, update, after):
    assert merge(an_endpoint(**{member: before}), {member: update}).endpoint[member] == after


def test_coordinates_are_rounded_to_one_decimal():
    merged = merge(None, {"Location": {"Latitude": 47.6062, "Longitude": -122.3321}}).endpoint

    assert merged["Location"] == {"Latitude": 47.6, "Longitude": -122.3}


def test_an_update_activates_unless_it_says_otherwise():
    current = an_endpoint(EndpointStatus="INACTIVE")

    assert merge(current, {}).endpoint["EndpointStatus"] == "ACTIVE"
    assert merge(current, {"EndpointStatus": "INACTIVE"}).endpoint["EndpointStatus"] == "INACTIVE"


def test_a_client_may_send_its_own_date_and_request_id():
    merged = merge(None, {"EffectiveDate": "2026-01-31T10:00:00+01:00", "RequestId": "mine"})

    assert merged.endpoint["EffectiveDate"] == "2026-01-31T09:00:00.000Z"
    assert merged.endpoint["RequestId"] == "mine"


def test_merging_changes_neither_what_was_kept_nor_the_update():
    current = an_endpoint(Attributes={"Plan": ["gold"]}, User={"UserId": "ann"})
    update = {"Attributes": {"Plan": "free"}, "User": {"UserAttributes": {"Name": "Ann"}}}

    merge(current, update)

    assert current == an_endpoint(Attributes={"Plan": ["gold"]}, User={"UserId": "ann"})
    assert update == {"Attributes": {"Plan": "free"}, "User": {"UserAttributes": {"Name": "Ann"}}}


# Users


def test_user_attributes_merge_into_what_is_kept_of_the_user():
    current = an_endpoint(User={"UserId": "ann"})
    kept = {"UserId": "ann", "UserAttributes": {"Name": ["Ann"], "Age": ["41"]}}

    merged = merge(current, {"User": {"UserAttributes": {"Age": ["42"]}}}, kept)

    assert merged.user == {"UserId": "ann", "UserAttributes": {"Name": ["Ann"], "Age": ["42"]}}
    assert merged.endpoint["User"] == merged.user


def test_an_attribute_taken_from_the_user_elsewhere_does_not_come_back_with_the_endpoint():
    current = an_endpoint(User={"UserId": "ann", "UserAttributes": {"Old": ["x"]}})

    merged = merge(current, {}, {"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}})

    assert merged.user == {"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}}


def test_an_endpoint_moved_to_another_user_shows_that_users_attributes():
    current = an_endpoint(User={"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}})
    bob = {"UserId": "bob", "UserAttributes": {"Plan": ["gold"]}}

    assert merge(current, {"User": {"UserId": "bob"}}, bob).user == bob
    assert merge(current, {"User": {"UserId": "new"}}).user == {"UserId": "new"}


def test_attributes_without_a_user_stay_with_the_endpoint_until_it_names_one():
    alone = merge(None, a_request(User={"UserAttributes": {"Name": "Ann", "Plan": "free"}}))
    kept = {"UserId": "ann", "UserAttributes": {"Plan": ["gold"]}}

    joined = merge(alone.endpoint, {"User": {"UserId": "ann"}}, kept)

    assert alone.user is None
    assert alone.endpoint["User"] == {"UserAttributes": {"Name": ["Ann"], "Plan": ["free"]}}
    assert joined.user == {
        "UserId": "ann",
        "UserAttributes": {"Name": ["Ann"], "Plan": ["gold"]},
    }


def test_an_endpoint_without_user_and_attributes_has_no_user_member():
    alone = merge(None, a_request(User={"UserAttributes": {"Name": "Ann"}})).endpoint

    assert "User" not in merge(alone, {"User": {"UserAttributes": {"Name": []}}}).endpoint


# Limits


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"ChannelType": "FAX"}, r"ChannelType must be one of PUSH, GCM"),
        ({"OptOut": "SOME"}, r"OptOut must be one of NONE, ALL"),
        ({"EndpointStatus": "GONE"}, r"EndpointStatus must be one of ACTIVE, INACTIVE"),
        ({"EffectiveDate": "soon"}, r"EffectiveDate must be an ISO 8601"),
        ({"Address": 12065550142}, r"Address must be a string"),
        ({"Address": "a" * 4097}, r"Address has 4097 characters, and at most 4096"),
        ({"Attributes": {"n" * 51: ["v"]}}, r"Attributes\.n+… has a name of 51 characters"),
        ({"Attributes": {"": ["v"]}}, r"Attributes has an attribute without a name"),
        ({"Attributes": {"A": ["v" * 101]}}, r"Attributes\.A has 101 characters, and at most 100"),
        ({"Attributes": {"A": ["v"] * 51}}, r"Attributes\.A has 51 values, and at most 50"),
        ({"Attributes": {"A": [["v"]]}}, r"Attributes\.A must be a list of strings"),
        ({"Attributes": ["v"]}, r"Attributes must be a JSON object"),
        ({"Metrics": {"M": "7"}}, r"Metrics\.M must be a number"),
        ({"Metrics": {"M": True}}, r"Metrics\.M must be a number"),
        ({"Metrics": {"M": float("nan")}}, r"Metrics\.M must be a finite number"),
        ({"Location": {"Latitude": 90.1}}, r"Location\.Latitude must be between -90 and 90"),
        ({"Location": {"Longitude": -181}}, r"Location\.Longitude must be between -180 and 180"),
        ({"Location": {"Town": "Bonn"}}, r"Location\.Town is not known\. Location has City"),
        ({"Demographic": {"Age": "7"}}, r"Demographic\.Age is not known"),
        ({"Demographic": {"Make": "m" * 201}}, r"Demographic\.Make has 201 characters"),
        ({"User": {"UserId": ""}}, r"User\.UserId must not be empty"),
        ({"User": {"UserId": "a?b"}}, r"User\.UserId must not hold \? or %"),
        ({"User": {"UserId": "a%20b"}}, r"User\.UserId must not hold \? or %"),
        ({"User": {"UserId": "u" * 251}}, r"User\.UserId has 251 characters, and at most 250"),
        ({"User": {"Name": "Ann"}}, r"User\.Name is not known\. User has UserId, UserAttributes"),
        ({"User": {"UserAttributes": {"A": ["v" * 101]}}}, r"User\.UserAttributes\.A has 101"),
        ({"Plan": "gold"}, r"Plan is not one of an endpoint"),
        ({"Metrics": {str(n): n for n in range(251)}}, r"Attributes with Metrics .* 251 names"),
        ({"Attributes": {"A": ["\ud800"]}}, r"Endpoint holds half of a UTF-16 surrogate"),
    ],
)
def test_what_breaks_a_rule_is_named_with_the_rule(update, message):
    with pytest.raises(InvalidMember, match=f"^{message}") as refused:
        merge(an_endpoint(), update)

    assert refused.value.code == "BadRequestException"


@pytest.mark.parametrize("endpoint_id", ["", "i" * 251, "tab\there"])
def test_an_endpoint_id_out_of_bounds_is_refused(endpoint_id):
    with pytest.raises(InvalidMember, match="^EndpointId"):
        merge(None, a_request(), endpoint_id=endpoint_id)


def test_the_limits_hold_for_what_the_update_leaves_behind_and_not_for_the_update_alone():
    current = an_endpoint(
        Attributes={str(n): ["v"] for n in range(200)},
        User={"UserAttributes": {str(n): ["v"] for n in range(49)}},
    )

    merge(current, {"Metrics": {"A": 1}})
    with pytest.raises(InvalidMember, match="251 names"):
        merge(current, {"Metrics": {"A": 1, "B": 2}})


def test_an_endpoint_is_kept_up_to_fifteen_kilobytes():
    values = ["é" * 100] * 50  # 10,100 bytes with quotes and commas

    merge(None, a_request(Attributes={"A": values}))
    with pytest.raises(InvalidMember, match="^Endpoint has .* at most 15360"):
        merge(None, a_request(Attributes={"A": values, "B": values}))


# Giving way


def endpoints_of_a_user(count, channel="GCM"):
    return [
        an_endpoint(Id=f"e{number}", ChannelType=channel, EffectiveDate=f"2026-01-{number + 1:02d}")
        for number in range(count)
    ]


def test_a_fifteenth_endpoint_joins_its_user():
    assert attach(endpoints_of_a_user(14, "SMS"), an_endpoint(Id="new")).deactivate == []


@pytest.mark.parametrize("channel", ["SMS", "PUSH", "VOICE", "EMAIL", "CUSTOM", "IN_APP"])
def test_a_sixteenth_endpoint_of_a_channel_without_devices_is_refused(channel):
    with pytest.raises(errors.BadRequest, match="Exceeded maximum endpoint per user count 15"):
        attach(endpoints_of_a_user(15), an_endpoint(Id="new", ChannelType=channel))


@pytest.mark.parametrize(
    "channel",
    ["ADM", "GCM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU"],
)
def test_a_sixteenth_device_displaces_the_one_used_longest_ago(channel):
    full = [*endpoints_of_a_user(14, "SMS"), *endpoints_of_a_user(3)[1:2]]
    full = [an_endpoint(**{**one, "Id": f"f{n}"}) for n, one in enumerate(full)]

    attachment = attach(full, an_endpoint(Id="new", ChannelType=channel))

    assert attachment.deactivate == ["f14"]
    assert attach(
        list(reversed(endpoints_of_a_user(15))), an_endpoint(Id="new", ChannelType=channel)
    ).deactivate == ["e0"]


def test_a_sixteenth_device_is_refused_when_the_user_has_no_device_to_displace():
    with pytest.raises(errors.BadRequest, match="Exceeded maximum"):
        attach(endpoints_of_a_user(15, "EMAIL"), an_endpoint(Id="new", ChannelType="GCM"))


def test_an_endpoint_that_is_one_of_the_fifteen_may_be_updated():
    assert attach(endpoints_of_a_user(15, "SMS"), an_endpoint(Id="e3")).deactivate == []


def test_a_displaced_endpoint_is_inactive_and_nobodys_and_a_superseded_one_only_inactive():
    endpoint = an_endpoint(User={"UserId": "ann"})

    assert displaced(endpoint) == an_endpoint(EndpointStatus="INACTIVE")
    assert superseded(endpoint) == an_endpoint(User={"UserId": "ann"}, EndpointStatus="INACTIVE")
    assert endpoint["EndpointStatus"] == "ACTIVE"


# Small rules


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, True),
        ({"OptOut": "ALL"}, False),
        ({"EndpointStatus": "INACTIVE"}, False),
    ],
)
def test_only_active_endpoints_that_did_not_opt_out_are_visible(members, expected):
    assert visible(an_endpoint(**members)) is expected


def test_a_derived_id_depends_on_project_channel_and_address_and_nothing_else():
    ids = {
        endpoint_id_for("app", "SMS", "+1"),
        endpoint_id_for("app", "SMS", "+1"),
        endpoint_id_for("app", "VOICE", "+1"),
        endpoint_id_for("app", "SMS", "+2"),
        endpoint_id_for("other", "SMS", "+1"),
    }

    assert len(ids) == 4
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)


def test_attributes_to_remove_are_matched_as_globs_with_case():
    names = ["PNV_City", "PNV_Zip", "pnv_zip", "Plan"]

    assert matching_attribute_names(["PNV_*", "Pl?n"], names) == ["PNV_City", "PNV_Zip", "Plan"]
    assert matching_attribute_names([], names) == []


# In step with the API


def test_every_closed_set_is_the_apis():
    shapes = botocore.loaders.Loader().load_service_model("pinpoint", "service-2")["shapes"]

    for choice in (
        model.ChannelType,
        model.AttributeType,
        model.DimensionType,
        model.RecencyType,
        model.SegmentType,
        model.JobStatus,
        model.CampaignStatus,
        model.Frequency,
    ):
        assert {str(one) for one in choice} == set(shapes[choice.__name__]["enum"])
    for name, choice in (
        ("Duration", model.RecencyDuration),
        ("Format", model.FileFormat),
        ("Mode", model.HookMode),
        ("State", model.JourneyState),
    ):
        assert {str(one) for one in choice} == set(shapes[name]["enum"])


def test_every_error_is_one_the_api_models():
    shapes = botocore.loaders.Loader().load_service_model("pinpoint", "service-2")["shapes"]

    for error in errors.EngagementError.__subclasses__():
        assert shapes[error.code]["error"]["httpStatusCode"] == error.status
    assert issubclass(errors.NotImplementedOperation, errors.MethodNotAllowed)
    assert "CreateJourney" in str(errors.NotImplementedOperation("CreateJourney"))


# Rules for all inputs

DEGREES = st.floats(0, 9)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.dictionaries(st.sampled_from("ABCD"), st.lists(TEXTS, max_size=3), max_size=3)
UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "Address": TEXTS,
        "ChannelType": st.sampled_from(["SMS", "EMAIL"]),
        "OptOut": st.sampled_from(["ALL", "NONE"]),
        "EndpointStatus": st.sampled_from(["ACTIVE", "INACTIVE"]),
        "Attributes": VALUES,
        "Metrics": st.dictionaries(st.sampled_from("AB"), st.integers(-9, 9)),
        "Location": st.fixed_dictionaries({}, optional={"City": TEXTS, "Latitude": DEGREES}),
        "Demographic": st.fixed_dictionaries({}, optional={"Make": TEXTS, "Model": TEXTS}),
        "User": st.fixed_dictionaries(
            {}, optional={"UserId": st.sampled_from(["ann", "bob"]), "UserAttributes": VALUES}
        ),
    },
)


@settings(deadline=None)
@given(UPDATES)
def test_the_same_update_twice_is_the_same_as_once(update):
    once = merge(an_endpoint(User={"UserId": "ann"}), update)

    assert merge(once.endpoint, update, once.user) == once


@settings(deadline=None)
@given(UPDATES, UPDATES)
def test_the_later_update_wins_where_both_speak_and_the_earlier_one_stays_elsewhere(first, second):
    merged = merge(merge(an_endpoint(), first).endpoint, second).endpoint

    for member in ("Attributes", "Metrics"):
        expected = {**first.get(member, {}), **second.get(member, {})}
        kept = {name: value for name, value in expected.items() if value != []}
        assert merged.get(member, {}) == kept
    for member in ("Location", "Demographic"):
        earlier, later = checked_request(first), checked_request(second)
        assert merged.get(member, {}) == {**earlier.get(member, {}), **later.get(member, {})}


@settings(deadline=None)
@given(UPDATES)
def test_a_checked_request_stays_as_it_is_when_checked_again(update):
    checked = checked_request(update)

    assert checked_request(checked) == checked


def test_the_letter_case_of_an_enumeration_does_not_matter():
    update = {"ChannelType": "Sms", "Address": "+12065550100", "OptOut": "all"}

    merged = merge(None, update).endpoint

    assert (merged["ChannelType"], merged["OptOut"]) == ("SMS", "ALL")
