"""Records of a dropped file, whatever program wrote it."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_s3_drop.text_file import COLUMNS, BadRecord, Record, UnusableFile, read_records
from tests.builders.sms_drop import HEADER, records

ROW = '+14255550101,"Here is a long message, with a comma",12345,code,TRANSACTIONAL,tracking 1, t2'


def cells(content: bytes, name: str = "f.csv") -> list[dict[str, str]]:
    found = records(content, name)
    assert all(isinstance(record, Record) for record in found), found
    return [dict(record.cells) for record in found if isinstance(record, Record)]


def file(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (end.join([header, *lines]) + end).encode()


def test_the_row_of_the_original_documentation_is_read():
    [row] = cells(file(ROW))

    assert row["message"] == "Here is a long message, with a comma"
    assert row["id_1"] == "tracking 1"
    assert row["id_2"] == " t2"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_file_is_read_in_every_unicode_encoding_with_and_without_its_mark(encoding):
    text = file("+14255550101,Grüße 😀,c,s,PROMOTIONAL,1,2").decode()

    [row] = cells(text.encode(encoding))

    assert row["sms_number"] == "+14255550101"
    assert row["message"] == "Grüße 😀"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(end):
    assert len(cells(file(ROW, ROW, end=end))) == 2


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_file_of_another_separator_is_read(separator):
    header = HEADER.replace(",", separator)

    [row] = cells(
        file(separator.join(["+14255550101", "Hi, you", "", "", "", "", ""]), header=header)
    )

    assert row["message"] == "Hi, you"


def test_a_line_that_names_the_separator_for_excel_is_read():
    content = b"sep=;\n" + file("+14255550101;Hi", header="sms_number;message")

    [record] = records(content)

    assert isinstance(record, Record)
    assert record.cells["message"] == "Hi"
    assert record.row == 3


def test_columns_come_in_any_order_and_case_and_may_be_left_out():
    assert cells(file("Hi,+14255550101", header=" Message ,SMS_NUMBER")) == [
        {"message": "Hi", "sms_number": "+14255550101"}
    ]


def test_a_quoted_newline_belongs_to_the_message_and_the_row_after_it_is_read():
    found = cells(file('+14255550101,"two\nlines, ""quoted""",,,,,', ROW))

    assert found[0]["message"] == 'two\nlines, "quoted"'
    assert len(found) == 2


def test_blank_rows_are_no_rows_and_keep_their_numbers():
    found = records(file("", ROW, ",,,,,,", "  ", ROW))

    assert [record.row for record in found] == [3, 6]


def test_a_quote_that_is_never_closed_costs_its_own_row_only():
    rows = [ROW] * 500

    found = records(file(ROW, '+14255550102,"never closed,,,,,', *rows))

    bad = [record for record in found if isinstance(record, BadRecord)]
    assert [(record.row, "quote" in record.reason) for record in bad] == [(3, True)]
    assert len(found) == 502


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("+14255550101,Hello, you,1,2,3,4,5", "cells"),
        ("+14255550101", "cells"),
        ('+14255550101,"Hi"x,,,,,', "quote"),
        ("+14255550101," + "x" * 20_000 + ",,,,,", "characters"),
        ('+14255550101,"' + "x" * 200_000 + '",,,,,', "characters"),
        ("x" * 16_384, "characters"),
    ],
)
def test_a_row_of_another_shape_is_told_and_the_next_one_read(line, reason):
    bad, good = records(file(line, ROW))

    assert isinstance(bad, BadRecord)
    assert reason in bad.reason
    assert isinstance(good, Record)


def test_a_row_in_another_encoding_is_told_and_the_next_one_read():
    content = file(ROW) + "+14255550101,Grüße,,,,,\n".encode("latin-1") + (ROW + "\n").encode()

    _, bad, good = records(content)

    assert isinstance(bad, BadRecord)
    assert "UTF-8" in bad.reason
    assert isinstance(good, Record)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (file(ROW, header="number,message,a"), "sms_number"),
        (file(ROW, header=ROW), "sms_number"),
        (file(ROW, header="sms_number,messages"), "message"),
        (file(ROW, header="sms_number,message,shortcode"), "unknown name in column 3"),
        (file(ROW, header="sms_number,message,message"), "twice"),
        (b"sep=x\n" + file(ROW), "sep="),
        (b'sms_number,message,"id_1\n', "header"),
        ("sms_number,message,größe\n".encode("latin-1"), "UTF-8"),
        (b"PK\x03\x04" + bytes(200), "Excel"),
        (b"\x1f\x8b" + bytes(200), "gzip"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"a\x00\x00\x00b\x00\x00c" * 50, "NUL"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "Excel"),
        (b"sms_number,message," + b"a," * 100_000, "first line has more than"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_with_the_way_out(content, reason):
    with pytest.raises(UnusableFile, match=reason) as caught:
        records(content)

    assert "+14255550101" not in str(caught.value)
    assert str(caught.value).endswith((".", "out."))


@pytest.mark.parametrize("name", ["f.jsonl", "f.JSON", "f.ndjson", "f.txt"])
def test_json_lines_are_read_by_their_ending_or_their_first_character(name):
    line = json.dumps({"sms_number": "+14255550101", "message": "Hi\nyou", "id_1": 7, "id_2": None})

    [row] = cells(f"{line}\n\n".encode(), name)

    assert row == {"sms_number": "+14255550101", "message": "Hi\nyou", "id_1": "7"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ("7", "no JSON object"),
        ('{"sms_number": "+1", "sms_number": "+2"}', "twice"),
        ('{"number": "+1"}', "no column"),
        ('{"sms_number": true}', "text"),
        ('{"sms_number": 1.5}', "text"),
        ('{"message": ["Hi"]}', "text"),
        ("[" * 100_000, "characters"),
        ("[" * 5_000, "not JSON"),
    ],
)
def test_a_bad_line_of_json_is_told_and_the_next_one_read(line, reason):
    bad, good = records(f'{line}\n{{"sms_number": "+14255550101"}}\n'.encode(), "f.jsonl")

    assert isinstance(bad, BadRecord)
    assert reason in bad.reason
    assert (bad.row, good.row) == (1, 2)


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufffd"), max_size=40
)


@given(st.lists(st.tuples(*[texts] * len(COLUMNS)), max_size=8))
def test_whatever_python_writes_as_csv_is_read_back(rows: list[tuple[str, ...]]):
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)

    found = cells(written.getvalue().encode())

    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert found == [dict(zip(COLUMNS, row, strict=True)) for row in filled]


class Endless(io.RawIOBase):
    """A file of 300 MB without a line end, which counts the bytes that were read ahead."""

    def __init__(self, start: bytes) -> None:
        self._left, self._start = 300 * 1024 * 1024, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._left)
        buffer[:size] = (self._start + b"x" * size)[:size]
        self._start = self._start[size:]
        self._left -= size
        return size


@pytest.mark.parametrize(
    ("start", "name"), [(file() + b"+14255550101,", "f.csv"), (b'{"message": "', "f.jsonl")]
)
def test_a_row_of_a_whole_file_is_told_in_little_memory(start, name):
    content = io.BufferedReader(Endless(start))

    tracemalloc.start()
    [bad] = read_records(content, name=name)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(bad, BadRecord)
    assert "characters" in bad.reason
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_without_a_mark_is_read_whatever_script_its_rows_have(encoding):
    text = file(*["+14255550101,漢字漢字漢字漢字,,,,,"] * 200).decode()

    assert len(cells(text.encode(encoding))) == 200


@pytest.mark.parametrize(
    ("content", "name", "row"),
    [
        (b"\n\n" + file(ROW), "f.csv", 4),
        (b'\n\n{"message": "Hi"}\n', "f.txt", 3),
        (b'\n\n{"message": "Hi"}\n', "f.jsonl", 3),
    ],
)
def test_blank_lines_before_the_first_count_as_rows(content, name, row):
    [record] = records(content, name)

    assert record.row == row


@given(st.binary(max_size=400), st.sampled_from(["f.csv", "f.jsonl"]))
def test_any_bytes_are_refused_or_read_and_nothing_else(content: bytes, name: str):
    try:
        found = records(HEADER.encode() + b"\n" + content, name)
    except UnusableFile as refused:
        assert "NUL" in str(refused)
        return

    assert all(record.row >= 1 for record in found)
