"""Whatever mail comes in: it is answered once, left for a reason, or refused as no mail at all."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_auto_reply.claims import Claim
from ses_auto_reply.decision import Reason
from ses_auto_reply.incoming import MalformedEvent
from ses_auto_reply.reply import Template
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.incoming_mail import MAILBOX, event
from tests.builders.random_input import TEXTS, WHOLE_TEXTS, changed, fuzz

SETTINGS = {
    "TABLE_NAME": "answered",
    "TEMPLATE_NAME": "thanks",
    "TEMPLATE_SOURCE": "SES",
    "TRUNCATED_HEADERS": "IGNORE",
    "WINDOW_HOURS": "24",
}
ADDRESSES = TEXTS | st.sampled_from(
    [
        "Ann <ann@example.org>",
        '"Lee, Ann" <ann@example.org>',
        "=?utf-8?q?=C3=84nn?= <ann@example.org>",
        "ann@exämple.org",
        "a@b.org, c@d.org",
        "group: ann@example.org;",
        "<>",
        "ann@[127.0.0.1]",
        "x" * 300 + "@example.org",
        f"<{MAILBOX}>",
    ]
)
HEADERS = st.tuples(
    st.sampled_from(
        ["Reply-To", "References", "In-Reply-To", "List-Id", "Auto-Submitted", "X-Odd"]
    ),
    ADDRESSES | st.sampled_from(["<a@b> <c@d>", "no", "<a b>", "<" + "x" * 3_000 + "@y>"]),
)


@st.composite
def mails(draw: Any) -> Any:
    sound = event(
        draw(ADDRESSES),
        subject=draw(WHOLE_TEXTS | st.sampled_from(["=?x?b?/w==?=", "=?utf-8?q?=ff?=", "x" * 999])),
        headers=tuple(draw(st.lists(HEADERS, max_size=3))),
        to=tuple(draw(st.lists(ADDRESSES | st.just(MAILBOX), max_size=2))) or (MAILBOX,),
    )
    if draw(st.booleans()):
        sound["Records"] = changed(draw, sound["Records"], 60)
    return sound


class Services:
    """SES, and the claims of one mail from a sender who was not answered before."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.claimed: list[Any] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        self.sent.append(request)
        return {"MessageId": "reply-1"}

    def take(self, senders: Any, message_id: str) -> Claim:
        for sender in senders:
            sender.encode()  # the key is a hash of its bytes
        message_id.encode()
        self.claimed.append(senders)
        return Claim.TAKEN


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        loaded = load_function(patch, "ses_auto_reply.functions.answer_mail", SETTINGS)
        template = Template("Thank you:", "<p>%%NAME%% %%ID%%</p>", "%%NAME%% %%ID%%")
        patch.setattr(loaded, "templates", SimpleNamespace(get=lambda: template))
        yield loaded


@fuzz(60)
@given(mails())
def test_a_mail_has_one_reply_in_good_form_or_a_reason_for_none(module, mail):
    services = Services()
    module.ses = services
    module.claims = SimpleNamespace(take=services.take, sent=lambda senders, id: True)

    try:
        decision = module.lambda_handler(mail, CONTEXT)["decision"]
    except MalformedEvent:
        assert services.sent == []
        return

    if decision != "REPLIED":
        assert Reason(decision) and services.sent == []
        return
    [request] = services.sent
    [to] = request["Destination"]["ToAddresses"]
    assert to.isascii() and to.count("@") == 1
    assert services.claimed
    raw = request["Content"]["Raw"]["Data"]
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322
    reply = message_from_bytes(raw, policy=policy.default)
    assert not reply.defects
    assert reply["Auto-Submitted"] == "auto-replied"
    assert [name for name in reply if name.lower() in ("bcc", "cc")] == []
    assert len(reply.get_all("To")) == len(reply.get_all("Subject")) == 1
