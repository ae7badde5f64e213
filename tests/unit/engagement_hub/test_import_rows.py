"""Import files: rows that are read, rows that are rejected and why; no other row is lost."""

import gzip
import io
import random
import string
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_hub.engagement.endpoint_requests import InvalidMember, checked_request
from engagement_hub.engagement.import_columns import compile_columns
from engagement_hub.engagement.import_files import BLOCK_BYTES
from engagement_hub.engagement.import_rows import (
    DuplicateColumn,
    EmptyFile,
    ImportFileError,
    ImportRow,
    MissingColumn,
    RejectedRow,
    UnknownColumn,
    UnreadableFile,
    read_rows,
)
from shared.import_columns import EXACT, IGNORED
from shared.spreadsheets import damage, trimmed
from tests.builders.engagement import (
    TYPICAL_HEADER,
    TYPICAL_ROW,
    csv_file,
    gzipped,
    json_lines,
    read,
)

INVALID, MALFORMED = "InvalidValue", "MalformedRow"
FIRST_NAME = "User.UserAttributes.FirstName"
SMS = {"ChannelType": "SMS", "Address": "+12065550142"}


def typical(number: int) -> tuple[str, ...]:
    return ("SMS", f"+1206555{number:04d}", f"user-{number}", "Ann", "gold", "US")


# Good files


def test_a_row_becomes_an_endpoint_request():
    good, rejected = read(csv_file(TYPICAL_ROW))

    assert rejected == []
    assert good == [
        ImportRow(
            number=2,
            id=None,
            endpoint={
                "ChannelType": "SMS",
                "Address": "+12065550142",
                "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["Ann"]}},
                "Attributes": {"Plan": ["gold"]},
                "Location": {"Country": "US"},
            },
        )
    ]


@pytest.mark.parametrize("name", sorted(EXACT - {"Id", *IGNORED}))
def test_every_name_that_is_a_column_has_a_reader(name):
    columns = compile_columns(("Id", name))

    try:
        _, request = columns.read(("endpoint-1", "1"))
    except InvalidMember as problem:
        assert name.endswith(problem.member)  # the reader of the column refused the value
    else:
        assert request != {}


def test_every_documented_column_is_read():
    columns = {
        "Id": "endpoint-1",
        "ChannelType": "EMAIL",
        "Address": "ann@example.com",
        "OptOut": "ALL",
        "EffectiveDate": "2026-01-31T10:00:00+01:00",
        "RequestId": "request-7",
        "Location.City": "Köln",
        "Location.Country": "DE",
        "Location.Latitude": "50.9413",
        "Location.Longitude": "6.9583",
        "Location.PostalCode": "50667",
        "Location.Region": "NW",
        "Demographic.AppVersion": "1.2",
        "Demographic.Locale": "de_DE",
        "Demographic.Make": "Apple",
        "Demographic.Model": "iPhone",
        "Demographic.ModelVersion": "17",
        "Demographic.Platform": "iOS",
        "Demographic.PlatformVersion": "26",
        "Demographic.Timezone": "Europe/Berlin",
        "Attributes.Plan": "gold",
        "Metrics.Visits": "2.5",
        "User.UserId": "ann",
        "User.UserAttributes.FirstName": "Ann",
    }

    good, rejected = read(csv_file(list(columns.values()), header=list(columns)))

    assert rejected == []
    assert good[0].id == "endpoint-1"
    assert good[0].endpoint == {
        "ChannelType": "EMAIL",
        "Address": "ann@example.com",
        "OptOut": "ALL",
        "EffectiveDate": "2026-01-31T09:00:00.000Z",
        "RequestId": "request-7",
        "Location": {
            "City": "Köln",
            "Country": "DE",
            "Latitude": 50.9,
            "Longitude": 7.0,
            "PostalCode": "50667",
            "Region": "NW",
        },
        "Demographic": {
            "AppVersion": "1.2",
            "Locale": "de_DE",
            "Make": "Apple",
            "Model": "iPhone",
            "ModelVersion": "17",
            "Platform": "iOS",
            "PlatformVersion": "26",
            "Timezone": "Europe/Berlin",
        },
        "Attributes": {"Plan": ["gold"]},
        "Metrics": {"Visits": 2.5},
        "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["Ann"]}},
    }


def test_a_repeated_attribute_column_gives_several_values_without_the_empty_cells():
    header = ["Id", "Attributes.Team", "Attributes.Team", "Attributes.Team"]

    good, _ = read(csv_file(["a", "red", "", "blue"], header=header))

    assert good[0].endpoint == {"Attributes": {"Team": ["red", "blue"]}}


def test_quoted_values_may_hold_commas_and_quotes():
    good, _ = read(csv_file(["a", 'Smith, "Jo"'], header=["Id", "Attributes.Name"]))

    assert good[0].endpoint == {"Attributes": {"Name": ['Smith, "Jo"']}}


def test_a_byte_order_mark_and_spaces_round_column_names_are_tolerated():
    good, rejected = read(b"\xef\xbb\xbfId, Attributes.Plan\r\na,gold\r\n")

    assert rejected == []
    assert good == [ImportRow(2, "a", {"Attributes": {"Plan": ["gold"]}})]


def test_blank_rows_are_skipped_but_counted():
    good, rejected = read(b"Id,Attributes.Plan\n\na,gold\n,\n,,,\n  \nb,gold")

    assert rejected == []
    assert [(row.number, row.id) for row in good] == [(3, "a"), (7, "b")]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("first_line", ["", "sep={}\n", "SEP={}\r\n"])
def test_another_separator_is_read_where_the_header_leaves_no_doubt(mark, first_line):
    value = "x, y" if mark == "\t" else f"x{mark}y, z"
    rows = f'ChannelType{mark}Address{mark}Attributes.A\nSMS{mark}+12065550142{mark}"{value}"\n'

    good, rejected = read((first_line.format(mark) + rows).encode())

    assert rejected == []
    assert [row.number for row in good] == [3 if first_line else 2]
    assert good[0].endpoint == {**SMS, "Attributes": {"A": [value]}}


def test_a_comma_stays_the_separator_of_names_with_semicolons():
    good, _ = read(b"Id,Attributes.a;Attributes.b\nx,y\n")

    assert good[0].endpoint == {"Attributes": {"a;Attributes.b": ["y"]}}


def test_empty_columns_at_the_end_are_no_columns():
    content = b"ChannelType,Address,,,\nSMS,+12065550142,,,\n,,,,\nSMS,+12065550143\n"

    good, rejected = read(content)

    assert [row.endpoint["Address"] for row in good] == ["+12065550142", "+12065550143"]
    assert rejected == []


def test_a_value_below_no_column_name_rejects_its_row():
    good, rejected = read(b"ChannelType,Address,\nSMS,+12065550142,x\nSMS,+12065550143,\n")

    assert [row.number for row in good] == [3]
    assert [(row.number, row.code) for row in rejected] == [(2, MALFORMED)]


def test_cells_are_trimmed_as_headers_are():
    header = "ChannelType,Address,User.UserId,Demographic.Timezone, Attributes.A"
    plain = "SMS,+12065550142,ann,America/New_York,x"
    padded = "SMS , +12065550142\u00a0,\u200bann\ufeff,' America/New_York',\u202ax\u202c".replace(
        "'", ""
    )
    quoted = 'SMS, "+12065550142 ", " ann","America/New_York ",x'

    good, rejected = read("\n".join([header, plain, padded, quoted]).encode())

    assert rejected == []
    assert good[0].endpoint == good[1].endpoint == good[2].endpoint


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["SMS", "4.479E+11", "ann", "Ann", "gold", "US"], "Address"),
        (["SMS", "4,479e+11", "ann", "Ann", "gold", "US"], "Address"),
        (["SMS", "+12065550199", "1.23457E+14", "Ann", "gold", "US"], "User.UserId"),
        (["SMS", "#REF!", "ann", "Ann", "gold", "US"], "Address"),
        (["SMS", "+12065550199", "ann", "#N/A", "gold", "US"], FIRST_NAME),
        (["SMS", "+12065550199", "ann", "########", "gold", "US"], FIRST_NAME),
        (["SMS", "+12065550199", "ann", "Ann", "#BEZUG!", "US"], "Attributes.Plan"),
    ],
)
def test_a_value_that_a_spreadsheet_damaged_rejects_its_row(row, column):
    good, rejected = read(csv_file(typical(1), row, typical(2)))

    assert [one.number for one in good] == [2, 4]
    assert [(one.number, one.column) for one in rejected] == [(3, column)]
    assert "spreadsheet" in rejected[0].reason


def test_a_rounded_number_that_identifies_nobody_is_a_value():
    row = ["SMS", "+12065550142", "ann", "Ann", "1.5E+3", "US"]

    good, rejected = read(csv_file(row))

    assert rejected == []
    assert good[0].endpoint["Attributes"] == {"Plan": ["1.5E+3"]}


@pytest.mark.parametrize("member", ["Id", "Address"])
def test_a_rounded_number_rejects_a_json_row_too(member):
    good, rejected = read(json_lines({**SMS, "Id": "a", member: "4.479E+11"}), "JSON")

    assert good == []
    assert [row.column for row in rejected] == [member]


def test_a_header_without_rows_gives_nothing():
    assert read(csv_file()) == ([], [])
    assert read(b"ChannelType,Address") == ([], [])


def test_a_file_of_user_ids_alone_lists_users():
    good, rejected = read(b'User.UserId\nann\n""\nbob and co\n')

    assert rejected == []
    assert [(row.number, row.endpoint) for row in good] == [
        (2, {"User": {"UserId": "ann"}}),
        (4, {"User": {"UserId": "bob and co"}}),
    ]


def test_a_line_separator_that_is_no_line_break_stays_part_of_the_value():
    good, rejected = read("Id,Attributes.Note\na,one\u2028two\x85three\n".encode())

    assert rejected == []
    assert good[0].endpoint == {"Attributes": {"Note": ["one\u2028two\x85three"]}}


def test_json_lines_are_read_in_the_same_form():
    good, rejected = read(
        json_lines(
            {**SMS, "Id": "a", "Attributes": {"Plan": "gold", "Age": [3]}},
            {"User": {"UserId": "ann"}},
        ),
        "JSON",
    )

    assert rejected == []
    assert good == [
        ImportRow(1, "a", {**SMS, "Attributes": {"Plan": ["gold"], "Age": ["3"]}}),
        ImportRow(2, None, {"User": {"UserId": "ann"}}),
    ]


def test_an_exported_endpoint_can_be_imported_again():
    exported = {
        **SMS,
        "Id": "a",
        "ApplicationId": "app",
        "CohortId": "7",
        "CreationDate": "2026-01-01T00:00:00.000Z",
        "EffectiveDate": "2026-01-01T00:00:00.000Z",
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "RequestId": "r",
        "User": {"UserId": "ann", "UserAttributes": {}},
    }

    good, rejected = read(json_lines(exported), "JSON")

    assert rejected == []
    assert good[0].id == "a"
    assert good[0].endpoint.keys() == {
        "ChannelType", "Address", "EffectiveDate", "EndpointStatus", "OptOut", "RequestId", "User"
    }  # fmt: skip


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE"])
def test_an_exported_endpoint_is_imported_with_its_status(status):
    in_json, _ = read(json_lines({**SMS, "Id": "a", "EndpointStatus": status}), "JSON")
    in_csv, _ = read(csv_file(["a", status], header=["Id", "EndpointStatus"]))

    assert in_json[0].endpoint["EndpointStatus"] == status
    assert in_csv[0].endpoint["EndpointStatus"] == status


@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz"])
def test_gzip_is_recognised_by_its_content(name):
    first, second = csv_file(typical(1)), csv_file(typical(2)).split(b"\r\n", 1)[1]
    members_and_padding = gzipped(first) + gzipped(second) + b"\0" * 512

    good, rejected = read(members_and_padding, name=name)

    assert rejected == []
    assert [row.endpoint["User"]["UserId"] for row in good] == ["user-1", "user-2"]


def test_a_plain_file_named_gz_is_read_as_it_is():
    good, _ = read(csv_file(TYPICAL_ROW), name="people.csv.gz")

    assert len(good) == 1


@pytest.mark.parametrize("compress", [bytes, gzipped])
def test_a_file_of_many_blocks_loses_and_repeats_nothing(compress):
    rows = [typical(number) for number in range(10_000)]
    content = compress(csv_file(*rows))

    good, rejected = read(content)

    assert len(csv_file(*rows)) > 1.5 * BLOCK_BYTES
    assert rejected == []
    assert [row.endpoint["Address"] for row in good] == [row[1] for row in rows]
    assert good[-1].number == 10_001


def test_a_stream_may_give_less_than_it_is_asked_for():
    class Dripping(io.BytesIO):
        def read(self, size=-1):
            return super().read(7)

    rows = list(read_rows(Dripping(csv_file(TYPICAL_ROW, TYPICAL_ROW)), "CSV", name="people.csv"))

    assert [row.number for row in rows] == [2, 3]


# Files refused as a whole


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 50, "PNG"),
        (b"PK\x03\x04" + b"sheet" * 20, "Excel"),
        ("Id,Attributes.Plan\na,gold\n".encode("utf-16"), "UTF-16"),
        ("Id,Attributes.Plan\na,gold\n".encode("utf-16-le"), "UTF-16"),
        ("Id,Attributes.Plan\na,gold\n".encode("utf-16-be"), "UTF-16"),
        ("Id,Attributes.Name\na,José\nb,Zoë\n".encode("latin-1"), "Latin-1"),
        ("Id,Attributes.Name\na,José\n".encode("latin-1"), "Latin-1"),
        ("Id,Attributes.Größe\na,3\n".encode("latin-1"), "Latin-1"),
        ("Id,Attributes.Größe".encode("latin-1"), "not UTF-8"),
        (b"\x00\x01\x02\x03" * 100, "NUL"),
        (b"Id,Attributes.Plan\0\na,b\n" + b"c,d\n" * 50, "NUL"),
        (b"Id,Attributes.Plan\ra,gold\rb,gold\r", "carriage returns"),
        (b'{"Id": "a"}\n', "Format JSON"),
        (b'Id,"Attributes.Plan\na,gold\n', "header line"),
        (b"Id,Attributes." + b"a" * 200_000 + b"\na,gold\n", "header line"),
        (b"Id" * 600_000 + b"\na,gold\n", "header line"),
        (gzipped(gzipped(b"Id\na\n")), "gzip inside gzip"),
    ],
)
def test_a_file_that_is_no_utf8_csv_is_refused_with_the_reason(content, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(content)


@pytest.mark.parametrize(
    "content", [b'[\n{"Id": "a"}\n]\n', b'{\n  "Id": "a"\n}\n', b'[{"Id": "a"}]']
)
def test_a_json_document_in_place_of_json_lines_is_refused_with_the_way_out(content):
    with pytest.raises(UnreadableFile, match="one endpoint per line"):
        read(content, "JSON")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n", gzipped(b"")])
@pytest.mark.parametrize("format", ["CSV", "JSON"])
def test_a_file_with_nothing_in_it_is_refused_as_empty(content, format):
    with pytest.raises(EmptyFile):
        read(content, format)


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        ("Adress", "Did you mean Address"),
        ("address", "Did you mean Address"),
        ("Country", "Did you mean Location.Country"),
        ("Location.Town", "Location"),
        ("Favourite Dish", "Attributes.Favourite Dish"),
        ("Attributes.", "The columns are"),
    ],
)
def test_an_unknown_column_is_named_with_the_nearest_known_one(column, advice):
    with pytest.raises(UnknownColumn) as refused:
        read(csv_file(header=["Id", column]))

    assert f"Column {column} " in str(refused.value)
    assert advice in str(refused.value)
    assert "User.UserAttributes.…" in str(refused.value)


@pytest.mark.parametrize("first_line", [b"+12065550142,Ann", b"ann@example.com", b"a1234567"])
def test_a_missing_header_is_guessed_and_its_data_not_repeated(first_line):
    with pytest.raises(UnknownColumn, match="header line missing") as refused:
        read(first_line + b"\n")

    assert "2065550142" not in str(refused.value)
    assert "ann@" not in str(refused.value)
    assert "1234567" not in str(refused.value)


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_a_header_of_no_import_with_another_separator_is_refused_with_the_way_out(mark, word):
    with pytest.raises(UnknownColumn, match=f"separated by {word}. Separate them with commas"):
        read(f"Email{mark}Vorname\nann@example.com{mark}Ann\n".encode())


@pytest.mark.parametrize("first_line", ["sep=^", "sep=", "sep=;,"])
def test_a_first_line_for_excel_that_names_no_separator_is_refused(first_line):
    with pytest.raises(UnreadableFile, match='begins with "sep=".*Remove the line'):
        read(f"{first_line}\nId,Attributes.A\na,b\n".encode())


def test_json_lines_in_place_of_csv_are_refused_and_no_row_is_read_as_cells():
    content = json_lines(*({**SMS, "Address": f"+1425555010{n}"} for n in range(3)))

    with pytest.raises(UnreadableFile, match="looks like JSON.*Format JSON"):
        read(content)


def test_a_header_of_padding_alone_is_refused():
    with pytest.raises(MissingColumn, match="no column names"):
        read(b",,,\nSMS,+12065550142,,\n")


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("Email", "Address (and a column ChannelType that says EMAIL"),
        ("E-mail Address", "Address (and a column ChannelType that says EMAIL"),
        ("Phone Number", "Address (and a column ChannelType that says SMS"),
        ("First Name", "User.UserAttributes.FirstName"),
        ("LASTNAME", "User.UserAttributes.LastName"),
        ("Zip Code", "Location.PostalCode"),
        ("Time Zone", "Demographic.Timezone"),
        ("State/Region", "Location.Region"),
    ],
)
def test_a_header_as_people_write_it_is_answered_with_the_column_that_is_meant(column, meant):
    with pytest.raises(UnknownColumn) as refused:
        read(csv_file(header=["Id", column, "Shoe"]))

    assert f"Did you mean {meant}" in str(refused.value)


def test_everything_wrong_with_a_header_is_told_at_once():
    header = ["Email", "First Name", "Create Date (CET)", "ChannelType", "ChannelType", "Shoe"]

    with pytest.raises(UnknownColumn) as refused:
        read(csv_file(header=header))

    text = str(refused.value)
    assert text.startswith("4 columns are not ones of an endpoint.")
    assert all(f"Column {name}: " in text for name in ("Email", "First Name", "3", "Shoe"))
    assert "Column ChannelType comes 2 times" in text


def test_of_a_very_wide_header_the_first_thirty_columns_are_told():
    header = ["Id", *(f"Question {number}" for number in range(200))]

    with pytest.raises(UnknownColumn) as refused:
        read(csv_file(header=header))

    assert "And 170 more." in str(refused.value)
    assert len(str(refused.value)) < 4000


@pytest.mark.parametrize(
    "column", ["Address", "Id", "ChannelType", "Metrics.Visits", "User.UserId"]
)
def test_a_repeated_column_of_a_single_value_is_refused(column):
    header = ["Id", "Address", "ChannelType", "Metrics.Visits", "User.UserId", column]

    with pytest.raises(DuplicateColumn, match=f"Column {column} comes 2 times"):
        read(csv_file(header=header))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["ChannelType", "Attributes.Plan"], "Column Address is missing"),
        (["Attributes.Plan"], "Columns Address and ChannelType are missing"),
    ],
)
def test_columns_that_cannot_say_who_a_row_is_about_are_refused(header, reason):
    with pytest.raises(MissingColumn, match=reason):
        read(csv_file(header=header))


def test_an_unknown_format_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="XML"):
        read_rows(io.BytesIO(b""), "XML", name="people.xml")


# Rows rejected, and their neighbours kept


def between_good_rows(bad: bytes) -> tuple[list[ImportRow], list[RejectedRow]]:
    """Read a bad row, 3rd in its file, with two good rows before and after it."""
    before, after = csv_file(typical(1)), csv_file(typical(2), typical(3)).split(b"\r\n", 1)[1]
    return read(before + bad + b"\r\n" + after)


@pytest.mark.parametrize(
    ("bad", "column", "code", "reason"),
    [
        (b'SMS,+12065550199,ann,"An\nn",gold,US', None, MALFORMED, "line break"),
        (b'SMS,+12065550199,ann,"An\r\n\r\nn",gold,US', None, MALFORMED, "line break"),
        (b'SMS,+12065550199,ann,"Ann,gold,US', None, MALFORMED, "never closed"),
        (b'SMS,+12065550199,ann,"A"nn,gold,US', None, MALFORMED, "quotes do not fit"),
        (b"SMS,+12065550199,ann,Ann,gold", None, MALFORMED, "5 values and the header 6"),
        (b"SMS,+12065550199,ann,Smith, Ann,gold,US", None, MALFORMED, "double quotes"),
        (b"SMS,+12065550199,ann,Jos\xe9,gold,US", None, "NotUtf8", "UTF-8"),
        (b"SMS,+12065550199,ann,A\0nn,gold,US", FIRST_NAME, INVALID, "NUL"),
        (b"SMS,+12065550199,ann,A\tnn,gold,US", FIRST_NAME, INVALID, "tab"),
        (b"SMS,+12065550199,ann,Ann,a\rb,US", "Attributes.Plan", INVALID, "control"),
        (b"FAX,+12065550199,ann,Ann,gold,US", "ChannelType", INVALID, "one of PUSH, GCM"),
        (b"SMS,,ann,Ann,gold,US", "Address", INVALID, "missing"),
        (b",+12065550199,ann,Ann,gold,US", "ChannelType", INVALID, "missing"),
        (b"SMS,+12065550199,ann,A,%b,US" % (b"g" * 101), "Attributes.Plan", INVALID, "at most 100"),
        (b"SMS,+12065550199,%b,A,gold,US" % (b"u" * 251), "User.UserId", INVALID, "at most 250"),
    ],
)  # fmt: skip
def test_a_bad_row_is_rejected_and_the_others_are_kept(bad, column, code, reason):
    good, rejected = between_good_rows(bad)

    assert [row.endpoint["User"]["UserId"] for row in good] == ["user-1", "user-2", "user-3"]
    assert [row.number for row in good] == [2, 4, 5]
    assert [(row.number, row.column, row.code) for row in rejected] == [(3, column, code)]
    assert reason in rejected[0].reason
    assert "2065550199" not in rejected[0].reason


@pytest.mark.parametrize(
    ("header", "row", "column", "reason"),
    [
        (["Id", "Metrics.Visits"], ["a", "many"], "Metrics.Visits", "must be a number"),
        (["Id", "Metrics.Visits"], ["a", "nan"], "Metrics.Visits", "finite"),
        (["Id", "Metrics.Visits"], ["a", "1_000"], "Metrics.Visits", "must be a number"),
        (["Id", "Location.Latitude"], ["a", "north"], "Location.Latitude", "must be a number"),
        (["Id", "Location.Latitude"], ["a", "91"], "Location.Latitude", "between -90 and 90"),
        (["Id", "Location.Longitude"], ["a", "181"], "Location.Longitude", "between -180 and 180"),
        (["Id", "EffectiveDate"], ["a", "yesterday"], "EffectiveDate", "ISO 8601"),
        (["Id", "OptOut"], ["a", "yes"], "OptOut", "NONE, ALL"),
        (["Id", "EndpointStatus"], ["a", "ASLEEP"], "EndpointStatus", "one of ACTIVE, INACTIVE"),
        (["Id", "Attributes." + "n" * 51], ["a", "v"], f"Attributes.{'n' * 50}…", "at most 50"),
        (["Id", "Metrics." + "n" * 51], ["a", "1"], f"Metrics.{'n' * 50}…", "at most 50"),
        (["Id", *["Attributes.A"] * 51], ["a", *"v" * 51], "Attributes.A", "at most 50"),
        (["Id", "Attributes.A"], ["i" * 251, "v"], "Id", "at most 250"),
        (["Id", *[f"Attributes.{n}" for n in range(251)]], ["a", *"v" * 251], "Attributes", "251"),
        (
            ["Id", *[f"Attributes.{n}" for n in range(200)]],
            ["a", *["v" * 100] * 200],
            "Endpoint",
            "15360",
        ),
    ],
)
def test_a_value_over_a_limit_or_of_the_wrong_kind_is_rejected_by_column(
    header, row, column, reason
):
    good_row = ["good", *[""] * (len(header) - 1)]

    good, rejected = read(csv_file(row, good_row, header=header))

    assert [row.id for row in good] == ["good"]
    assert [(row.number, row.column) for row in rejected] == [(2, column)]
    assert reason in rejected[0].reason


def test_250_attributes_of_three_kinds_are_taken():
    header = ["Id", *[f"Attributes.{n}" for n in range(249)], "Metrics.Visits"]

    good, rejected = read(csv_file(["a", *"v" * 249, "1"], header=header))

    assert rejected == []
    assert len(good[0].endpoint["Attributes"]) == 249


def test_a_quote_opened_by_mistake_costs_its_own_row_only():
    rows = b"\r\n".join(csv_file(typical(n)).splitlines()[1] for n in range(200))
    stray = b'SMS,+12065550199,ann,"Ann,gold,US\r\n'

    good, rejected = read(csv_file() + stray + rows + b"\r\n" + stray + rows)

    assert [row.number for row in rejected] == [2, 203]
    assert len(good) == 400


def test_a_quote_opened_by_mistake_takes_no_rows_with_it_when_a_later_slip_closes_it():
    good, rejected = read(b'Id,Attributes.A,Attributes.B\na,1,"x\nb,2,y\nc,3,z\nd,4,x"\ne,5,y\n')

    assert [row.id for row in good] == ["b", "c", "d", "e"]
    assert [(row.number, row.reason) for row in rejected] == [
        (2, "A quote is opened and never closed. Close it.")
    ]


def test_a_file_whose_every_quote_stays_open_is_rejected_row_by_row():
    content = b"Id,Attributes.A\n" + b'"a,b\n' * 5000

    good, rejected = read(content)

    assert good == []
    assert len(rejected) == 5000


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b"{oops", None, "not JSON"),
        (b"[" * 100_000, None, "not JSON"),
        (b'"text"', None, "no object"),
        (b'{"Id": "a", "Metrics": {"M": NaN}}', None, "not JSON"),
        (b'{"Id": "a\\u0007"}', "Id", "control characters"),
        (b'{"Id": "\\ud800"}', "Id", "surrogate"),
        (b'{"Id": "a", "Attributes": {"A": ["\\ud800"]}}', "Endpoint", "surrogate"),
        (b'{"Id": "a", "Attributes": {"A": [{}]}}', "Attributes.A", "list of strings"),
        (b'{"Id": "a", "Attributes": {"\\ud83d": {}}}', "Attributes.\\ud83d", "list of strings"),
        (b'{"Id": "a", "Attributes": []}', "Attributes", "JSON object"),
        (b'{"Id": 7}', "Id", "must be a string"),
        (b'{"Id": "a", "Adress": "x"}', "Adress", "not one of an endpoint"),
        (b'{"Id": "a", "+12065550199": "x"}', "A member", "not one of an endpoint"),
        (b'{"Id": "a", "Location": {"Town": "x"}}', "Location.Town", "not known"),
        (b'{"Id": "a", "Metrics": {"M": "7"}}', "Metrics.M", "must be a number"),
        (b'{"Id": "a", "Metrics": {"M": 1' + b"0" * 400 + b"}}", "Metrics.M", "finite"),
        (b'{"Id": "a", "EndpointStatus": "ASLEEP"}', "EndpointStatus", "one of ACTIVE, INACTIVE"),
        (b'{"ChannelType": "SMS"}', "Address", "missing"),
        (b'{"Address": "+12065550199"}', "ChannelType", "missing"),
        (b'{"Id": "\xe9"}', None, "UTF-8"),
        (b'{"Id": "a\0"}', None, "NUL"),
    ],
)
def test_a_bad_json_line_is_rejected_and_the_others_are_kept(line, column, reason):
    before, after = json_lines({"Id": "before"}), json_lines({"Id": "é"}, {"Id": "after"})

    good, rejected = read(before + line + b"\n" + after.replace(b"\\u00e9", "é".encode()), "JSON")

    assert [(row.number, row.id) for row in good] == [(1, "before"), (3, "é"), (4, "after")]
    assert [(row.number, row.column) for row in rejected] == [(2, column)]
    assert reason in rejected[0].reason
    assert "2065550199" not in rejected[0].reason + str(rejected[0].column)


def test_json_with_251_attributes_is_rejected():
    _, rejected = read(json_lines({"Id": "a", "Metrics": {str(n): n for n in range(251)}}), "JSON")

    assert [(row.number, row.column) for row in rejected] == [(1, "Attributes")]


@pytest.mark.parametrize("length", [200 * 1024, 3 * 1024 * 1024])
def test_an_endless_row_is_rejected_without_being_held(length):
    content = csv_file(typical(1)) + b"x" * length + b"\n" + csv_file(typical(2)).splitlines()[1]

    good, rejected = read(content)

    assert [row.number for row in good] == [2, 4]
    assert [(row.number, row.code) for row in rejected] == [(3, "MalformedRow")]


@pytest.mark.parametrize("format", ["CSV", "JSON"])
@pytest.mark.parametrize("kept_share", [0.2, 0.5, 0.9, 0.999])
def test_a_gzip_file_cut_short_gives_the_rows_before_the_cut_and_says_so(kept_share, format):
    chance = random.Random(7)  # random text, or gzip would pack all rows into a few bytes
    names = ["".join(chance.choices(string.ascii_letters, k=60)) for _ in range(3000)]
    if format == "CSV":
        content = csv_file(*([name, "v"] for name in names), header=["Id", "Attributes.A"])
    else:
        content = json_lines(*({"Id": name} for name in names))
    packed = gzipped(content)
    cut = packed[: int(len(packed) * kept_share)]

    good, rejected = read(cut, format, name="people.gz")

    whole = zlib.decompressobj(31).decompress(cut).count(b"\n") - (format == "CSV")
    assert [row.id for row in good] == names[:whole]
    assert 0 < whole < len(names) or kept_share == 0.999
    assert [row.code for row in rejected] == ["TruncatedFile"]
    assert rejected[0].number == good[-1].number + 1


@pytest.mark.parametrize("kept", [1, 2, 10, 15])
def test_a_gzip_file_cut_in_its_first_bytes_is_truncated_and_nothing_else(kept):
    good, rejected = read(gzipped(csv_file(TYPICAL_ROW))[:kept], name="people.csv.gz")

    assert good == []
    assert [(row.number, row.code) for row in rejected] == [(1, "TruncatedFile")]


def test_a_damaged_gzip_file_keeps_the_rows_before_the_damage():
    packed = bytearray(gzip.compress(csv_file(*(typical(n) for n in range(5000))), 0))
    packed[-8] ^= 0xFF  # the checksum

    good, rejected = read(bytes(packed))

    assert [row.code for row in rejected] == ["DamagedFile"]
    assert len(good) >= 1000
    assert [row.endpoint["User"]["UserId"] for row in good] == [
        f"user-{n}" for n in range(len(good))
    ]


# Rules for all inputs

VALUES = (
    st.text(st.characters(exclude_categories=("Cs", "Cc"), codec="utf-8"), min_size=1, max_size=100)
    .map(trimmed)
    .filter(lambda value: value and damage("Attributes.A", value) is None)
)
NAMES = st.text(st.sampled_from(string.ascii_letters + " _"), min_size=1, max_size=50).filter(
    lambda name: name == name.strip()
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
def test_what_is_written_as_csv_comes_back_the_same(people):
    names = sorted({name for person in people for name in person})
    header = ["Id", *[f"Attributes.{name}" for name in names]]
    rows = [
        [f"person-{index}", *[person.get(name, "") for name in names]]
        for index, person in enumerate(people)
    ]

    good, rejected = read(csv_file(*rows, header=header))

    assert rejected == []
    assert [row.endpoint["Attributes"] for row in good] == [
        {name: [value] for name, value in person.items()} for person in people
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.text(max_size=120)] * len(TYPICAL_HEADER)), max_size=4))
def test_an_accepted_csv_row_is_one_that_the_api_accepts_unchanged(rows):
    good, _ = read(csv_file(TYPICAL_ROW, *rows))

    for row in good:
        assert checked_request(row.endpoint) == row.endpoint


SOUP = st.lists(
    st.sampled_from(
        [b"Id", b"Address", b"ChannelType", b"SMS", b"Attributes.A", b",", b'"', b"\n", b"\r\n",
         b"\0", b"\xff", b"\xe9", b"{", b"}", b":", b"[", b'"Id":"a"', b"\x1f\x8b", b"1", b" "]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(
    st.binary(max_size=300) | SOUP | SOUP.map(lambda rest: b"Id,Attributes.A\n" + rest),
    st.sampled_from(["CSV", "JSON"]),
    st.sampled_from([bytes, gzipped]),
    st.integers(0, 300),
)
def test_no_bytes_crash_the_reader(content, format, compress, cut):  # fmt: skip
    packed = compress(content)[: cut or None]

    try:
        good, rejected = read(packed, format, name="people.gz")
    except ImportFileError as refused:
        assert str(refused).endswith(".")
    else:
        numbers = [row.number for row in [*good, *rejected]]
        assert len(set(numbers)) == len(numbers)
