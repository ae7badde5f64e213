"""The load generator: the messages that it queues, and the inputs that it refuses."""

import json
from collections import Counter
from dataclasses import fields

import pytest
import ses_load_generator as generator
from hypothesis import given
from hypothesis import strategies as st

TARGET = {name: f"the {name}" for name in generator.OUTPUTS}


def load(**changed):
    return generator.load_of(generator.arguments([f"--{k}={v}" for k, v in changed.items()]))


@given(
    st.dictionaries(st.sampled_from(generator.SIMULATOR), st.integers(1, 99), min_size=1),
    st.integers(1, 500),
)
def test_the_mailboxes_are_in_the_shares_asked_for(shares, count):
    mix = generator.mix_of(",".join(f"{box}={share}" for box, share in shares.items()))

    found = generator.mailboxes(mix, count, "run")

    assert len(found) == count
    counts = Counter(found)
    assert all(abs(counts[box] - share * count) < 1 for box, share in mix.items())


def test_the_mailboxes_of_a_run_are_mixed_and_the_same_each_time():
    mix = {"success": 0.5, "bounce": 0.5}

    found = generator.mailboxes(mix, 100, "run")

    assert found == generator.mailboxes(mix, 100, "run")
    assert found != sorted(found)


def test_each_message_has_a_recipient_a_code_and_tags_of_its_own():
    one = load(run="spring", users=7)

    bodies = [generator.message(one, number, "success", TARGET) for number in range(20)]

    assert len({body["to"] for body in bodies}) == 20
    assert len({body["unique_code"] for body in bodies}) == 20
    assert bodies[3]["to"] == "success+spring-3@simulator.amazonses.com"
    assert bodies[3]["tags"] == [
        {"Name": "campaign", "Value": "spring"},
        {"Name": "message", "Value": "spring-3"},
    ]


def test_every_message_is_for_a_user_that_is_seeded():
    one = load(users=7)
    seeded = {generator.user(number + 1)["user_id"]["S"] for number in range(one.users)}

    asked = {generator.message(one, n, "success", TARGET)["user_id"] for n in range(50)}

    assert asked == seeded


@given(st.integers(1, 2000), st.floats(0.5, 1000))
def test_messages_are_queued_at_the_rate_and_none_too_many(count, rate):
    steps = list(generator.starts(count, rate))

    assert sum(size for _, size in steps) == count
    queued = 0
    for due, size in steps:
        assert queued <= due * rate + 1e-6
        assert 1 <= size <= 10
        queued += size


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("mix", "success=90,surprise=10", "'surprise'"),
        ("mix", "success=many", "'many'"),
        ("mix", "success=-1", "'-1'"),
        ("mix", "success=nan", "'nan'"),
        ("mix", "success=0", "all zeros"),
        ("rate", "0", "--rate is 0"),
        ("rate", "nan", "--rate is nan"),
        ("messages", "0", "--messages is 0"),
        ("users", "-3", "--users is -3"),
        ("run", "summer sale", "'summer sale'"),
    ],
)
def test_a_bad_option_is_named_with_its_rule(option, value, says, capsys):
    assert generator.main([f"--{option}={value}"]) == 2

    assert says in capsys.readouterr().err


def test_outputs_of_another_example_are_refused_by_what_they_lack(tmp_path, capsys):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"queue_url": {"value": "x"}}))

    assert generator.main([f"--outputs={file}"]) == 2

    said = capsys.readouterr().err
    assert "metadata_table" in said and "examples/ses_load_testing" in said


@pytest.mark.parametrize("text", ["", "[]", "{", '{"queue_url": "x"}'])
def test_what_is_no_output_of_terraform_is_refused(text, tmp_path, capsys):
    file = tmp_path / "outputs.json"
    file.write_text(text)

    assert generator.main([f"--outputs={file}"]) == 2

    assert "terraform output -json" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert generator.main([f"--outputs={tmp_path / 'none.json'}"]) == 2

    assert "none.json" in capsys.readouterr().err


def test_the_report_is_in_words_and_says_what_is_unknown():
    report = generator.Report("run", 10, 0, 9, 0, 2, 8, 1, 0, 1, 0, 0, 0.5, 0.9, None, 4.5, 5, 14.0)

    said = "\n".join(generator.lines(report))

    assert "dead letters" in said and "queue to send p99" in said and "unknown" in said
    assert "queue to send p50  0.5 s" in said and "quota rate         14.0 emails/s" in said


def test_every_number_of_the_report_has_a_unit():
    assert {field.name for field in fields(generator.Report)} == {"run", *generator.UNITS}
