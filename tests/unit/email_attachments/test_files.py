"""A recipient's key is the recipient's own, whatever the endpoint id holds."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from email_attachments.files import (
    LARGEST_FILE_BYTES,
    LARGEST_MESSAGE_BYTES,
    FileProblem,
    FileRefused,
    content_type,
    encoded_bytes,
    is_refused_by_ses,
    key_for_all,
    key_of_recipient,
    owner_text,
    refuse_file_of_another,
    shown_name,
)
from tests.builders.random_input import WHOLE_TEXTS

IDS = WHOLE_TEXTS | st.text(alphabet="./ _a1", max_size=8)


def test_the_keys_are_those_of_the_original() -> None:
    assert key_of_recipient("", "OctoberBill", "111", ".pdf") == "OctoberBill_111.pdf"
    assert key_for_all("", "OctoberBill", ".pdf") == "OctoberBill.pdf"


@given(IDS, IDS)
def test_1_two_recipients_never_share_a_key(one: str, other: str) -> None:
    assume(one != other)
    try:
        keys = [key_of_recipient("f/", "bill", each, ".pdf") for each in (one, other)]
    except FileRefused as refused:
        assert refused.problem is FileProblem.KEY_REFUSED
        return
    assert keys[0] != keys[1]


@given(IDS)
def test_1_a_key_has_the_whole_id_and_is_no_other_path(endpoint_id: str) -> None:
    try:
        key = key_of_recipient("f/", "bill", endpoint_id, ".pdf")
    except FileRefused:
        return
    assert key == f"f/bill_{endpoint_id}.pdf"
    assert not {".", ".."} & set(key.split("/"))


@pytest.mark.parametrize(
    "endpoint_id",
    ["a/../b", "a/..", "x/./y", "a/..//", "line\nbreak", "\x00", "\ud83d", "ü" * 600, "x" * 1100],
)
def test_an_id_that_makes_no_key_of_its_own_is_refused(endpoint_id: str) -> None:
    # `a/..` is followed by the type, so the segment is `...pdf`: a name of its own.
    if endpoint_id == "a/..":
        assert key_of_recipient("", "bill", endpoint_id, ".pdf") == "bill_a/...pdf"
        return
    with pytest.raises(FileRefused) as refused:
        key_of_recipient("", "bill", endpoint_id, ".pdf")
    assert refused.value.problem is FileProblem.KEY_REFUSED
    assert endpoint_id not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint_id", ["a b", "a+b@example.com", "büro", "a/b", "..", "%2e%2e", "a?b#c", "文"]
)
def test_odd_ids_keep_their_letters(endpoint_id: str) -> None:
    assert key_of_recipient("f/", "p", endpoint_id, ".pdf") == f"f/p_{endpoint_id}.pdf"


# The owner in the metadata


def test_1_two_configurations_can_name_one_key_and_the_owner_decides() -> None:
    key = key_of_recipient("", "bill", "2_1", ".pdf")
    assert key == key_of_recipient("", "bill_2", "1", ".pdf")

    refuse_file_of_another({"endpoint-id": "2_1"}, "2_1")
    with pytest.raises(FileRefused) as refused:
        refuse_file_of_another({"endpoint-id": "2_1"}, "1")
    assert refused.value.problem is FileProblem.FILE_OF_ANOTHER


def test_1_the_file_of_one_recipient_never_goes_to_all() -> None:
    with pytest.raises(FileRefused) as refused:
        refuse_file_of_another({"endpoint-id": "111"}, None)
    assert refused.value.problem is FileProblem.FILE_OF_ANOTHER


def test_a_file_without_an_owner_is_anybodys() -> None:
    refuse_file_of_another({}, "111")
    refuse_file_of_another({"other": "x"}, None)


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_owner_is_ascii_and_is_one_endpoint(one: str, other: str) -> None:
    assume(one != other)
    assert owner_text(one).isascii()
    assert owner_text(one) != owner_text(other)


# The name that the recipient sees


@pytest.mark.parametrize(
    ("prefix", "given", "shown"),
    [
        ("2026-10/statement", None, "statement.pdf"),
        ("statement", None, "statement.pdf"),
        ("2026-10/", None, "attachment.pdf"),
        ("x", "Statement of Ann.pdf", "Statement of Ann.pdf"),
        ("x", "../../etc/passwd.pdf", ".._.._etc_passwd.pdf"),
        ("x", "C:\\a|b?.pdf", "C_a_b_.pdf"),
        ("x", "a\r\nContent-Type: x.pdf", "a_Content-Type_ x.pdf"),
        ("x", "fdp.\u202eexe.pdf", "fdp._exe.pdf"),
        ("x", "Rechnung für März.pdf", "Rechnung für März.pdf"),
        ("x", "y" * 300 + ".pdf", "y" * 251 + ".pdf"),
    ],
)
def test_7_the_name_is_without_the_path_and_cannot_add_a_header(
    prefix: str, given: str | None, shown: str
) -> None:
    assert shown_name(prefix, ".pdf", given) == shown


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("a.PNG", "image/png"),
        ("a.txt", "text/plain"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_type_follows_the_extension(name: str, kind: str) -> None:
    assert content_type(name) == kind


@pytest.mark.parametrize("name", ["a.exe", "a.JS", "a.pdf.bat", "a.tmp", "a.xnk", "a.ade"])
def test_8_types_that_ses_refuses_are_known(name: str) -> None:
    assert is_refused_by_ses(name)


@pytest.mark.parametrize("name", ["a.pdf", "a.zip", "exe.pdf", "a.docx", "a.csv", "a.html"])
def test_other_types_are_attached(name: str) -> None:
    assert not is_refused_by_ses(name)


@given(st.binary(max_size=3000), st.text(max_size=300))
def test_8_the_size_is_never_below_that_of_the_mime_message(content: bytes, text: str) -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"], message["To"] = "s", "a@example.com", "b@example.com"
    message.set_content("x" + text.replace("\r", " "), cte="base64")
    message.add_attachment(content, maintype="application", subtype="pdf", filename="a.pdf")

    assert encoded_bytes(len(content), "x" + text) >= len(message.as_bytes())


def test_the_largest_file_fits_with_a_body_of_a_megabyte() -> None:
    assert encoded_bytes(LARGEST_FILE_BYTES, "x" * 1024 * 1024) <= LARGEST_MESSAGE_BYTES
