"""Events out of the bytes of a Firehose record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_rows.records import only_event, read
from tests.builders.event_records import sample, samples

A, B = {"event_type": "a", "n": 1}, {"event_type": "b", "n": 2}
TEXT_A, TEXT_B = json.dumps(A), json.dumps(B)


def values(data):
    found = read(data if isinstance(data, bytes) else data.encode())
    return [event.value for event in found.events], found.rest


@pytest.mark.parametrize(
    "text",
    [
        TEXT_A + TEXT_B,
        f"{TEXT_A}\n{TEXT_B}\n",
        f"{TEXT_A}\r\n\r\n{TEXT_B}\r\n",
        f" \t{TEXT_A} {TEXT_B}",
        f"[{TEXT_A},{TEXT_B}]",
        f"[[{TEXT_A}],[[{TEXT_B}]]]",
        f"\ufeff{TEXT_A}\n\ufeff{TEXT_B}",
        json.dumps(A, indent=2) + json.dumps(B, indent=2),
    ],
)
def test_several_events_in_a_record_are_all_read(text):
    assert values(text) == ([A, B], [])


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "[]", "\ufeff", "[[],[]]"])
def test_nothing_is_in_an_empty_record(text):
    assert values(text) == ([], [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"event_type":"\xe9"}', "not UTF-8"),
        (b"\x1f\x8b\x08\x00\x00", "not UTF-8"),
        (b"event_type=a", "not JSON"),
        (b'{"event_type":"a"', "not JSON"),
        (b"{'event_type':'a'}", "not JSON"),
        (b"5", "no JSON object"),
        (b"null", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_record_that_is_no_event_is_kept_as_it_came(data, reason):
    assert values(data) == ([], [(data, reason)])


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"{TEXT_A}\nnot JSON\n{TEXT_B}", "not JSON"),
        (f"not JSON\n{TEXT_A}\n{TEXT_B}", "not JSON"),
        (f"{TEXT_A}\n{TEXT_B}\n{{'x'", "{'x'"),
        (f'{TEXT_A}{TEXT_B}{{"cut":', '{"cut":'),
    ],
)
def test_sound_lines_are_read_beside_a_broken_one(text, rest):
    events, left = values(text)

    assert events == [A, B]
    assert [(data.strip(), reason) for data, reason in left] == [(rest.encode(), "not JSON")]


def test_an_object_inside_a_broken_one_is_no_event():
    events, rest = values('{"facets":\n {"event_type":"a"},\n "cut')

    assert events == []
    assert len(rest) == 1


def test_items_of_a_list_that_are_no_objects_are_kept():
    assert values(f"[{TEXT_A},5,{TEXT_B}]") == ([A, B], [(b"5", "no JSON object")])


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_are_no_json_are_texts(constant):
    events, rest = values(f'{{"event_type":"a","metrics":{{"m":{constant}}}}}')

    assert events == [{"event_type": "a", "metrics": {"m": constant}}]
    assert rest == []


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1e999"])
def test_numbers_beyond_all_bounds_are_texts(number):
    events, _ = values(f'{{"event_type":"a","n":{number}}}')

    assert events == [{"event_type": "a", "n": number}]


@pytest.mark.parametrize(
    "text",
    [
        '{"event_type":"a","n":1,"n":2}',
        '{"event_type":"a","n":1,"x":{"y":1,"y":2}}',
    ],
)
def test_a_name_that_comes_twice_keeps_the_text(text):
    (event,) = read(text.encode()).events

    assert event.value == json.loads(text)
    assert event.repeated == text


def test_a_name_in_several_objects_is_not_twice():
    text = '{"event_type":"a","x":{"n":1},"y":{"n":1}}'

    (event,) = read(text.encode()).events

    assert event.repeated is None


@pytest.mark.parametrize(
    "name", [n for n in samples("ses", "sms", "two_way_sms") if "sns" in n or "eventbridge" in n]
)
def test_an_event_is_taken_out_of_its_envelopes(name):
    (event,) = read(json.dumps(sample(name)).encode()).events

    assert {"eventType", "inboundMessageId"} & set(event.value)
    assert event.around


def test_the_text_inside_an_envelope_may_have_a_name_twice():
    inner = '{"eventType":"Send","mail":{"a":1,"a":2}}'

    (event,) = read(json.dumps({"Type": "Notification", "Message": inner}).encode()).events

    assert event.repeated == inner


def test_sess_greeting_of_a_topic_is_nothing():
    message = "Successfully validated SNS topic for Amazon SES event publishing."
    envelope = {"Type": "Notification", "TopicArn": "arn:…", "Message": message}

    assert values(json.dumps(envelope)) == ([], [])


@pytest.mark.parametrize("message", ["hello", "{", '{"a":1}{"b":2}', ""])
def test_an_envelope_without_an_event_is_kept_whole(message):
    envelope = {"Type": "Notification", "Message": message}

    events, rest = values(json.dumps(envelope))

    assert events == []
    assert [json.loads(data) for data, _ in rest] == [envelope]


def test_envelopes_in_envelopes_have_an_end():
    value = {"eventType": "Send"}
    for _ in range(50):
        value = {"detail-type": "x", "detail": value}

    (event,) = read(json.dumps(value).encode()).events

    assert "detail-type" in event.value


@pytest.mark.parametrize(
    "event",
    [A, {"eventType": "Send"}, {"notificationType": "Bounce"}, {"inboundMessageId": "1"}],
    ids=lambda event: next(iter(event)),
)
@pytest.mark.parametrize(
    ("member", "content"),
    [("Message", TEXT_B), ("detail", B), ("Records", [B]), ("Sns", B), ("body", TEXT_B)],
)
def test_an_event_with_the_members_of_an_envelope_is_an_event(event, member, content):
    beside = {"Type": "x", "detail-type": "y", "EventSource": "z", "eventSource": "z"}
    value = {**event, **beside, member: content}

    assert values(json.dumps(value)) == ([value], [])


@pytest.mark.parametrize("records", [[], [[]], [[], [[]]]])
def test_what_is_beside_an_empty_list_is_not_lost(records):
    value = {"Records": records, "more": 1}

    assert values(json.dumps(value)) == ([value], [])
    assert values(json.dumps({"Records": records})) == ([], [])


def test_the_shortcut_gives_what_the_long_way_gives():
    others = ("ses/send", "ses_notification/delivery", "sms/text_delivered")
    for name in [*samples("pinpoint"), *others]:
        data = json.dumps(sample(name)).encode() + b"\n"

        assert [only_event(data)] == read(data).events


@pytest.mark.parametrize("text", [TEXT_A + TEXT_B, "5", "[]", "", "{", '{"Type":"Notification"}'])
def test_the_shortcut_leaves_all_else_to_the_long_way(text):
    assert only_event(text.encode()) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reading_and_none_that_say_something_are_lost(data):
    found = read(data)

    said = data.replace(b"\xef\xbb\xbf", b"").strip(b" \t\r\n")
    if said and not said.startswith(b"["):  # lists may be empty
        assert found.events or found.rest


@given(st.lists(st.sampled_from([TEXT_A, TEXT_B, "broken"]), max_size=6))
def test_lines_are_read_one_by_one(lines):
    events, rest = values("\n".join(lines))

    assert events == [json.loads(line) for line in lines if line != "broken"]
    assert b"\n".join(data for data, _ in rest).count(b"broken") == lines.count("broken")
