from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.api.routes import Routes
from engagement_hub.engagement.errors import MethodNotAllowed, NotFound

ROUTES = Routes(
    {
        "GetApp": {"method": "GET", "path": "/v1/apps/{application-id}"},
        "GetEndpoint": {
            "method": "GET",
            "path": "/v1/apps/{application-id}/endpoints/{endpoint-id}",
        },
        "GetInAppMessages": {
            "method": "GET",
            "path": "/v1/apps/{application-id}/endpoints/{endpoint-id}/inappmessages",
        },
        "UpdateEndpointsBatch": {
            "method": "PUT",
            "path": "/v1/apps/{application-id}/endpoints",
        },
        "TagResource": {"method": "POST", "path": "/v1/tags/{resource-arn}"},
        "GetSmsTemplate": {"method": "GET", "path": "/v1/templates/{template-name}/sms"},
    }
)


# Ids with a percent sign are left out of the decoded case: 50%25 decoded looks like 50% encoded.
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="%"), min_size=1))
def test_an_id_is_the_same_from_an_encoded_and_from_a_decoded_path(endpoint_id):
    encoded = ROUTES.match("GET", f"/v1/apps/a1/endpoints/{quote(endpoint_id, safe='-._~')}")

    assert encoded.operation == "GetEndpoint"
    assert encoded.labels == {"application-id": "a1", "endpoint-id": endpoint_id}
    if not endpoint_id.endswith("/inappmessages"):
        decoded = ROUTES.match("GET", f"/v1/apps/a1/endpoints/{endpoint_id}")
        assert decoded == encoded


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_id_survives_an_encoded_path(endpoint_id):
    match = ROUTES.match("GET", f"/v1/apps/a1/endpoints/{quote(endpoint_id, safe='-._~')}")

    assert match.labels["endpoint-id"] == endpoint_id


def test_a_slash_in_an_id_does_not_hide_what_stands_behind_the_id():
    match = ROUTES.match("GET", "/v1/apps/a1/endpoints/x/y/inappmessages")

    assert (match.operation, match.labels["endpoint-id"]) == ("GetInAppMessages", "x/y")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:mobiletargeting:us-east-1:1:apps/a1/campaigns/c1",
        "arn%3Aaws%3Amobiletargeting%3Aus-east-1%3A1%3Aapps%2Fa1%2Fcampaigns%2Fc1",
    ],
)
def test_an_arn_is_one_label_with_all_its_slashes(arn):
    match = ROUTES.match("POST", f"/v1/tags/{arn}")

    assert match.labels["resource-arn"] == (
        "arn:aws:mobiletargeting:us-east-1:1:apps/a1/campaigns/c1"
    )


def test_a_template_may_be_called_like_a_word_of_the_path():
    assert ROUTES.match("GET", "/v1/templates/sms/sms").labels == {"template-name": "sms"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/apps",
        "/v1/apps/",
        "/v1/apps//endpoints/x",
        "/v2/apps/a1",
        "/v1/apps/a/b",
    ],
)
def test_a_path_of_no_operation_is_not_found(path):
    with pytest.raises(NotFound):
        ROUTES.match("GET", path)


def test_a_method_that_the_path_does_not_take_is_not_allowed():
    with pytest.raises(MethodNotAllowed, match="Use PUT"):
        ROUTES.match("DELETE", "/v1/apps/a1/endpoints")
