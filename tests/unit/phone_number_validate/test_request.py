"""Endpoints that a run validates: the named segment, or every unvalidated endpoint; never more."""

import pytest

from phone_number_validate.request import BadValidationRequest, export_prefix, validation_request


@pytest.mark.parametrize(
    ("run_input", "segment"),
    [
        ({}, "unvalidated"),
        ({"CorrelationId": "c"}, "unvalidated"),
        ({"SegmentId": "s1"}, "s1"),
        ({"Definition": {"SegmentId": "s2", "SegmentName": "people.csv"}}, "s2"),
        ({"SegmentId": "s1", "Definition": {"SegmentId": "s1"}}, "s1"),
    ],
)
def test_the_segment_of_a_run(run_input, segment):
    assert validation_request(run_input, "unvalidated").segment_id == segment


@pytest.mark.parametrize(
    "run_input",
    [None, [], "s1", {"SegmentId": ""}, {"SegmentId": None}, {"SegmentId": 7}, {"Definition": {}}],
)
def test_an_input_that_names_no_segment_does_not_widen_to_the_project(run_input):
    with pytest.raises(BadValidationRequest):
        validation_request(run_input, "unvalidated")


def test_attempts_do_not_share_a_folder():
    assert len({export_prefix("run", r, a) for r in (1, 2) for a in (0, 1, 2)}) == 6
