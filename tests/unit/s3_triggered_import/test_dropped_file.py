"""Files that are imported, and the names of their runs: one run per version of an object."""

import pytest
from hypothesis import given
from hypothesis.strategies import text

from s3_triggered_import.dropped_file import execution_name
from shared.dropped_files import DroppedFile, MalformedEvent, dropped_file, ignored_because


def object_created(key="import/people.csv", size=10, **members):
    members = {"etag": "e1", "sequencer": "s1", "version-id": "v1"} | members
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": "files"},
            "object": {"key": key, "size": size}
            | {name: value for name, value in members.items() if value is not None},
        },
    }


def a_file(key="import/people.csv", size=10, revision="v1"):
    return DroppedFile("files", key, size, revision, revision, None)


@pytest.mark.parametrize(
    "key",
    [
        "import/two words.csv",
        "import/a+b.csv",
        "import/a=b&c.csv",
        "import/Ünïcødé 名前.csv",
        "import/100%25.csv",
    ],
)
def test_a_key_is_taken_as_it_is(key):
    assert dropped_file(object_created(key)).s3_url == f"s3://files/{key}"


def test_two_files_of_the_same_second_have_two_runs():
    first = dropped_file(object_created("import/a.csv"))
    second = dropped_file(object_created("import/b.csv"))

    assert execution_name(first) != execution_name(second)


def test_a_repeated_event_has_the_run_of_the_first():
    assert execution_name(dropped_file(object_created())) == execution_name(
        dropped_file(object_created())
    )


def test_a_new_version_of_a_file_has_a_run_of_its_own():
    first = dropped_file(object_created(**{"version-id": "v1"}))
    second = dropped_file(object_created(**{"version-id": "v2"}))

    assert execution_name(first) != execution_name(second)


def test_without_versioning_etag_and_sequencer_tell_two_uploads_apart():
    first = dropped_file(object_created(**{"version-id": None, "sequencer": "s1"}))
    second = dropped_file(object_created(**{"version-id": None, "sequencer": "s2"}))

    assert execution_name(first) != execution_name(second)


@given(text(), text(), text())
def test_a_run_s_name_is_always_one_that_step_functions_takes(bucket, key, revision):
    name = execution_name(DroppedFile(bucket, key, 1, revision, revision, None))

    assert len(name) <= 80
    assert name.replace("-", "").isalnum()


def test_bucket_and_key_do_not_run_into_each_other():
    assert execution_name(DroppedFile("ab", "c", 1, "v", "v", None)) != execution_name(
        DroppedFile("a", "bc", 1, "v", "v", None)
    )


def test_a_folder_marker_is_not_imported():
    assert ignored_because(a_file(key="import/", size=0), []) == "it is a folder marker"


def test_an_empty_file_is_not_passed_over_so_that_its_owner_hears_of_it():
    assert ignored_because(a_file(size=0), []) is None


def test_a_file_of_another_suffix_is_not_imported():
    assert ignored_because(a_file(key="import/.DS_Store"), [".csv"]) == (
        "its name has another suffix"
    )


def test_suffixes_disregard_case():
    assert ignored_because(a_file(key="import/PEOPLE.CSV"), [".csv"]) is None


def test_without_suffixes_every_file_is_imported():
    assert ignored_because(a_file(key="import/people"), []) is None


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": {"object": {}}}])
def test_a_message_that_is_no_event_of_s3_says_so(event):
    with pytest.raises(MalformedEvent, match="Not an S3 Object Created event"):
        dropped_file(event)
