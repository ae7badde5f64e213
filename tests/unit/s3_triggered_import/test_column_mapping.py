"""Files as other programs write them, rewritten with the columns of an import."""

from __future__ import annotations

import gzip
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.import_rows import ImportRow, read_rows
from s3_triggered_import.column_mapping import (
    ColumnMapping,
    Tally,
    UnusableFile,
    mapped_copy,
    mapping_from,
)
from shared.import_columns import KNOWN

ROOT = Path(__file__).parents[3]
FILES = ROOT / "tests" / "data" / "people_files"
FIRST, LAST = "User.UserAttributes.FirstName", "User.UserAttributes.LastName"
SMS, EMAIL = {"ChannelType": "SMS"}, {"ChannelType": "EMAIL"}
PHONES = ColumnMapping({"Phone": "Address", "First Name": FIRST}, SMS, "utf-8")


def copied(content: bytes, mapping: ColumnMapping = PHONES) -> tuple[str, Tally]:
    tally = Tally()
    return b"".join(mapped_copy(io.BytesIO(content), mapping, tally)).decode(), tally


def imported(content: bytes, mapping: ColumnMapping) -> dict[int, dict[str, object]]:
    """Read the copy as the hub does: row number of the file => endpoint."""
    copy, _ = copied(content, mapping)
    rows = list(read_rows(io.BytesIO(copy.encode()), "CSV", name="people.csv"))
    assert [row for row in rows if not isinstance(row, ImportRow)] == []
    return {row.number: dict(row.endpoint) for row in rows if isinstance(row, ImportRow)}


def test_an_export_of_mailchimp_becomes_people_with_email() -> None:
    mapping = ColumnMapping(
        {
            "Email Address": "Address",
            "First Name": FIRST,
            "Last Name": LAST,
            "TIMEZONE": "Demographic.Timezone",
            "TAGS": "Attributes.Tags",
        },
        EMAIL,
        "utf-8",
    )

    people = imported((FILES / "mailchimp_subscribed.csv").read_bytes(), mapping)

    assert people == {
        2: {
            "ChannelType": "EMAIL",
            "Address": "ann.lee@example.com",
            "Demographic": {"Timezone": "America/Los_Angeles"},
            "Attributes": {"Tags": ['"VIP","Newsletter"']},
            "User": {"UserAttributes": {"FirstName": ["Ann"], "LastName": ["Lee"]}},
        },
        3: {
            "ChannelType": "EMAIL",
            "Address": "jürgen.groß@example.com",
            "Demographic": {"Timezone": "Europe/Berlin"},
            "Attributes": {"Tags": ['"Newsletter"']},
            "User": {"UserAttributes": {"FirstName": ["Jürgen"], "LastName": ["Groß"]}},
        },
        4: {
            "ChannelType": "EMAIL",
            "Address": "marta@example.com",
            "User": {"UserAttributes": {"FirstName": ["Marta"], "LastName": ["O'Neil, PhD"]}},
        },
    }


def test_an_export_of_hubspot_becomes_people_with_a_number_and_leaves_out_the_others() -> None:
    mapping = ColumnMapping(
        {
            "Phone Number": "Address",
            "First Name": FIRST,
            "Record ID": "User.UserId",
            "Message": "Attributes.Message",
        },
        SMS,
        "utf-8",
    )
    content = (FILES / "hubspot_contacts.csv").read_bytes()

    people = imported(content, mapping)

    assert people == {
        2: {
            "ChannelType": "SMS",
            "Address": "+1 (206) 555-0111",
            "Attributes": {"Message": ["Please call before noon."]},
            "User": {"UserId": "151", "UserAttributes": {"FirstName": ["Ada"]}},
        },
        4: {
            "ChannelType": "SMS",
            "Address": "+12065550113",
            "User": {"UserId": "153", "UserAttributes": {"FirstName": ["Cy"]}},
        },
    }
    assert copied(content, mapping)[1] == Tally(rows=2, without_address=1)


def test_a_file_of_excel_with_semicolons_and_umlauts_needs_its_encoding_only() -> None:
    mapping = ColumnMapping(
        {
            "Handynummer": "Address",
            "Vorname": FIRST,
            "Nachname": LAST,
            "Ort": "Location.City",
            "Bemerkung": "Attributes.Note",
        },
        SMS,
        "windows-1252",
    )

    people = imported((FILES / "excel_german.csv").read_bytes(), mapping)

    assert list(people) == [2, 4]
    assert people[2]["Location"] == {"City": "Köln"}
    assert people[2]["Attributes"] == {"Note": ["Stammkunde; zahlt 1.200,50 €"]}
    assert people[4]["User"] == {"UserAttributes": {"FirstName": ["Zoë"], "LastName": ["Weiß"]}}


def test_unicode_text_of_excel_needs_no_setting_for_its_encoding() -> None:
    mapping = ColumnMapping({"mobile": "Address", "name": FIRST}, SMS, "utf-8")

    people = imported((FILES / "excel_unicode_text.csv").read_bytes(), mapping)

    assert people[2]["User"] == {"UserAttributes": {"FirstName": ["山田, 太郎"]}}
    assert people[3]["Address"] == "+44 7700 900101"


def test_a_byte_order_mark_and_spaces_round_headers_do_not_hide_a_column() -> None:
    mapping = ColumnMapping({"Mobile Number": "Address", "First Name": FIRST}, SMS, "windows-1252")

    people = imported((FILES / "spreadsheet_with_mark.csv").read_bytes(), mapping)

    assert people[3]["User"] == {"UserAttributes": {"FirstName": ['Eva "Evie" Ray']}}


def test_another_encoding_than_the_one_set_is_refused_with_the_way_out() -> None:
    mapping = ColumnMapping({"Handynummer": "Address"}, SMS, "utf-8")

    with pytest.raises(UnusableFile, match=r"CSV UTF-8.*column_mapping\.encoding"):
        copied((FILES / "excel_german.csv").read_bytes(), mapping)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04workbook", "Excel workbook"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"Phone\0,x\n", "no header"),
        (gzip.compress(b"Phone,First Name\n" + b"+1206555,A\n" * 9000)[:-9], "ends in the middle"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnusableFile, match=reason):
        copied(content)


def test_every_column_that_is_missing_is_told_at_once_with_the_nearest_of_the_file() -> None:
    with pytest.raises(UnusableFile) as refused:
        copied(b"Phones,First Nam,Shoe\n1,2,3\n")

    assert '"Phone" is missing (did you mean "Phones"?)' in str(refused.value)
    assert '"First Name" is missing (did you mean "First Nam"?)' in str(refused.value)


def test_the_nearest_column_is_told_when_no_header_of_a_semicolon_file_fits() -> None:
    with pytest.raises(UnusableFile) as refused:
        copied(b"Phones;First Nam;Shoe\n1;2;3\n")

    assert '"Phone" is missing (did you mean "Phones"?)' in str(refused.value)
    assert '"First Name" is missing (did you mean "First Nam"?)' in str(refused.value)


def test_a_header_that_is_part_of_the_one_wanted_is_near() -> None:
    mapping = ColumnMapping({"Phone Number": "Address"}, SMS, "utf-8")

    with pytest.raises(UnusableFile, match=r'"Phone Number" is missing \(did you mean "Phone"\?\)'):
        copied(b"Record ID,First Name,Phone\n1,Ann,2\n", mapping)


def test_a_mapped_header_that_comes_twice_is_refused() -> None:
    with pytest.raises(UnusableFile, match='"Phone" comes 2 times'):
        copied(b"Phone,First Name,phone\n1,2,3\n")


def test_a_first_row_of_data_in_place_of_the_header_is_not_repeated() -> None:
    with pytest.raises(UnusableFile) as refused:
        copied(b"phone2065550142,first name\n")

    assert "2065550142" not in str(refused.value)


def test_a_row_that_cannot_be_read_costs_itself_only_and_keeps_the_numbers_of_the_others() -> None:
    content = (
        b"Phone,First Name\n"
        b"+12065550101,Ann\n"
        b'+12065550102,"Bo\n'
        b"+12065550103,Cy,too,many\n"
        b"\n"
        b'+12065550104,"D ""E"""\n'
        b'"+12065550105"x,F\n'
    )

    copy, tally = copied(content)

    assert copy.splitlines() == [
        f"Address,{FIRST},ChannelType",
        "+12065550101,Ann,SMS",
        "",
        "",
        "",
        '+12065550104,"D ""E""",SMS',
        "",
    ]
    assert (tally.rows, tally.rejected) == (2, 3)
    assert [reason.split(":")[0] for reason in tally.reasons] == ["row 3", "row 4", "row 7"]
    assert "2065550" not in "".join(tally.reasons)


def test_many_rows_that_cannot_be_read_are_counted_and_the_first_told() -> None:
    _, tally = copied(b"Phone,First Name\n" + b"only one\n" * 1000)

    assert tally.rejected == 1000
    assert len(tally.reasons) == 50


def test_compressed_files_are_unpacked() -> None:
    content = b"Phone,First Name\n+12065550101,Ann\n"

    assert copied(gzip.compress(content)) == copied(content)


def test_empty_lines_above_the_header_keep_their_numbers() -> None:
    copy, _ = copied(b"\n\nPhone,First Name\n1,Ann\n")

    assert copy.splitlines()[:2] == ["", ""]


def test_a_line_break_in_a_constant_does_not_cut_the_row() -> None:
    constants = {**SMS, "Attributes.Source": "Fair\r\nBerlin"}
    mapping = ColumnMapping({"Phone": "Address"}, constants, "utf-8")

    copy, _ = copied(b"Phone\n1\n2\n", mapping)

    assert copy.splitlines()[1:] == ["1,SMS,Fair Berlin", "2,SMS,Fair Berlin"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("wanted", ["Phone Number", "Phone\nNumber"])
def test_a_header_with_line_breaks_in_quotes_is_one_row(wanted: str, separator: str) -> None:
    mapping = ColumnMapping({"Name": FIRST, wanted: "Address"}, SMS, "utf-8")
    header = separator.join(['"Phone\nNumber"', "Name", '"Note, or;\r\nlong\r\nremark"'])
    content = f"{header}\r\n{separator.join('1Ax')}\r\nalone\r\n"

    copy, tally = copied(content.encode(), mapping)

    assert copy.splitlines() == [f"{FIRST},Address,ChannelType", "A,1,SMS", ""]
    assert [reason.split(":")[0] for reason in tally.reasons] == ["row 3"]


def test_the_nearest_header_is_named_on_one_line() -> None:
    with pytest.raises(UnusableFile, match=r'did you mean "Phone No"\?'):
        copied(b'"Phone\nNo",First Name\n1,Ann\n')


def test_a_stray_quote_in_the_header_takes_no_row_with_it() -> None:
    copy, tally = copied(b'Phone,First Name,"Note\n1,Ann,x\n2,Bo,y\n')

    assert copy.splitlines()[1:] == ["1,Ann,SMS", "2,Bo,SMS"]
    assert tally.rejected == 0


def test_a_nul_in_the_second_line_of_the_header_is_refused() -> None:
    with pytest.raises(UnusableFile, match="no header"):
        copied(b'Phone,First Name,"No\nte\0"\n1,Ann,x\n')


@pytest.mark.parametrize("second_line", ['b\0b",x', 'b",' + "x" * 131_072])
def test_a_later_line_of_a_row_with_a_nul_or_too_long_costs_its_row_only(second_line: str) -> None:
    content = f'Phone,First Name,Note\n1,Ann,x\n2,"Bo\n{second_line}\n3,Cy,x\n'

    copy, tally = copied(content.encode())

    assert copy.splitlines()[1:] == ["1,Ann,SMS", "", "3,Cy,SMS"]
    assert tally.reasons == ["row 3: The row is too long, or holds a NUL. Remove it."]


@pytest.mark.parametrize("first_line", ["sep=;", "SEP=;", '"sep=;"', "sep=; "])
def test_a_first_line_for_excel_names_the_separator_and_counts_as_a_row(first_line: str) -> None:
    # By this header alone, a comma fits as well as a semicolon.
    mapping = ColumnMapping({"Phone": "Address"}, SMS, "utf-8")

    copy, tally = copied(f"{first_line}\r\nPhone;x,Phone,y\r\n1;2\r\n3\r\n".encode(), mapping)

    assert copy.splitlines() == ["", "Address,ChannelType", "1,SMS", ""]
    assert [reason.split(":")[0] for reason in tally.reasons] == ["row 4"]


def test_the_separator_of_the_first_line_counts_before_the_one_that_fits_the_header() -> None:
    with pytest.raises(UnusableFile, match='"Phone" is missing'):
        copied(b"sep=|\nPhone,First Name\n1,Ann\n")


def test_a_tab_is_read_from_the_first_line() -> None:
    copy, _ = copied(b"sep=\t\nPhone\tFirst Name\n1\tAnn\n")

    assert copy.splitlines()[2:] == ["1,Ann,SMS"]


@pytest.mark.parametrize("first_line", ["sep=^", "sep=", "sep=;,,", "sep=;;"])
def test_a_first_line_for_excel_without_a_separator_alone_is_refused(first_line: str) -> None:
    with pytest.raises(UnusableFile, match=r'begins with "sep=".*Remove the line'):
        copied(f"{first_line}\nPhone,First Name\n1,Ann\n".encode())


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1)
            .map(str.strip)
            .filter(bool),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r")),
        ),
        max_size=20,
    )
)
def test_whatever_a_cell_holds_arrives_without_its_line_breaks(
    rows: list[tuple[str, str]],
) -> None:
    import csv

    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([("Phone", "First Name"), *rows])

    copy, tally = copied(text.getvalue().encode())

    read = list(csv.reader(io.StringIO(copy, newline="")))[1:]
    assert tally.rejected == 0
    assert [cells[0] for cells in read] == [phone for phone, _ in rows]
    assert [cells[1] for cells in read] == [
        re.sub(r"[\r\n\t]+", " ", name).strip() for _, name in rows
    ]


def test_values_are_trimmed_of_invisible_characters() -> None:
    rows = '\u00a0+14255550100\u200b, "Ann "\n\u202a+14255550101\u202c,\ufeffBo\n\u200b,Cy\n'

    copy, tally = copied(f"Phone,First Name\n{rows}".encode())

    assert copy.splitlines()[1:] == ["+14255550100,Ann,SMS", "+14255550101,Bo,SMS", ""]
    assert tally.without_address == 1


def test_rows_padded_with_empty_cells_are_read() -> None:
    copy, tally = copied(b"Phone,First Name,,\n1,Ann,,,,\n2,Bo,,\n3,Cy,,,,x\n")

    assert copy.splitlines()[1:] == ["1,Ann,SMS", "2,Bo,SMS", ""]
    assert [reason.split(":")[0] for reason in tally.reasons] == ["row 4"]


def test_a_value_that_a_spreadsheet_damaged_rejects_its_row() -> None:
    content = b"Phone,First Name\n4.479E+11,Ann\n#REF!,Bo\n3,#N/A\n4,1.5E+11\n"

    copy, tally = copied(content)

    assert copy.splitlines()[1:] == ["", "", "", "4,1.5E+11,SMS"]
    assert [reason.split(" holds")[0] for reason in tally.reasons] == [
        "row 2: Address",
        "row 3: Address",
        f"row 4: {FIRST}",
    ]
    assert "4.479E+11" not in " ".join(tally.reasons)


@pytest.mark.parametrize("row", ["1,Ann\n", "x" * 1000])
def test_a_small_file_that_unpacks_to_more_than_an_import_takes_is_refused(
    monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    monkeypatch.setattr("s3_triggered_import.column_mapping.FILE_CHARACTERS", 500_000)
    bomb = gzip.compress(f"Phone,First Name\n{row * (600_000 // len(row))}".encode())

    with pytest.raises(UnusableFile, match="more than 1 GB"):
        copied(bomb)

    assert len(bomb) < 10_000


def test_the_mapping_is_read_from_the_functions_setting() -> None:
    setting = {"columns": {"Phone": "Address"}, "constants": SMS, "encoding": "utf-8"}

    assert mapping_from(json.dumps(setting)) == ColumnMapping({"Phone": "Address"}, SMS, "utf-8")


def test_the_module_takes_every_column_that_the_hub_imports_and_no_other() -> None:
    text = (ROOT / "modules" / "s3_triggered_import" / "variables.tf").read_text()
    pattern = re.search(r'"(\^\(Id\|.*\$)"', text)
    assert pattern is not None
    rule = re.compile(pattern[1].replace("\\\\", "\\"))

    assert [column for column in KNOWN if not rule.match(column.replace("…", "Plan"))] == []
    assert not rule.match("Email")
    assert not rule.match("Attributes.")
