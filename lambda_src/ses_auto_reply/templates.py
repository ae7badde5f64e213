"""The template of the reply, from Pinpoint (or an engagement hub) or from SES."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from ses_auto_reply.reply import Template
from shared.aws import aws_client
from shared.pinpoint import pinpoint_client
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["CACHED_SECONDS", "TemplateStore", "UnusableTemplate", "template_reader"]

CACHED_SECONDS = 300

Reader = Callable[[], Template]


class UnusableTemplate(ValueError):
    """The template has neither an HTML nor a text part."""


class TemplateStore:
    """Gives the template, read again once what is known is five minutes old."""

    def __init__(self, read: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._template: Template | None = None
        self._read_at = 0.0

    def get(self) -> Template:
        """Return the template.

        Raises:
            UnusableTemplate: there is nothing in it to send.
            ServiceUnavailable, ClientError: it could not be read.
        """
        now = self._clock()
        if self._template is None or now - self._read_at >= CACHED_SECONDS:
            with transient_errors_named():
                self._template = self._read()
            self._read_at = now
        return self._template


def template_reader(source: str, name: str) -> Reader:
    """Return the reader of a template; `source` is PINPOINT or SES.

    The client is made at the first read: mail without an answer needs no client.
    """

    def read_from_pinpoint() -> Template:
        answer = _pinpoint().get_email_template(TemplateName=name)
        return _template(name, answer["EmailTemplateResponse"], ("Subject", "HtmlPart", "TextPart"))

    def read_from_ses() -> Template:
        answer = _ses().get_email_template(TemplateName=name)
        return _template(name, answer["TemplateContent"], ("Subject", "Html", "Text"))

    return read_from_pinpoint if source == "PINPOINT" else read_from_ses


@cache
def _pinpoint() -> PinpointClient:
    return pinpoint_client()


@cache
def _ses() -> SESV2Client:
    # SES lets an account read one template a second.
    client: SESV2Client = aws_client(
        "sesv2", config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    )
    return client


def _template(name: str, body: Any, members: tuple[str, str, str]) -> Template:
    subject, html, text = (body.get(member) or "" for member in members)
    if not html and not text:
        raise UnusableTemplate(f"The template {name} has no HTML and no text part: give it one.")
    return Template(subject=subject, html=html, text=text)
