import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.template_requests import validate_template, validate_template_name
from shared.messages.template_helpers import HELPERS
from shared.messages.templates import RenderingFailed, TemplateError, compile_template
from tests.builders.campaigns import endpoint

NOON = datetime(2020, 9, 19, 12, 5, 9, tzinfo=UTC)


def render(text, variables=None, defaults=None, html=False, **named):
    variables = endpoint() if variables is None else variables
    named.setdefault("clock", lambda: NOON)
    return compile_template(text, html=html).render(variables, defaults, **named)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{User.UserAttributes.FirstName}}!", "Hi Mary!"),
        ("{{Attributes.[Last Name]}}", "Major"),
        ("{{User.UserAttributes.Colors.[1]}}", "blue"),
        ("{{Attributes.[Last Name].[0]}}", "Major"),
        ("{{Location.City}}/{{ChannelType}}", "Los Angeles/SMS"),
        ("{{Metrics.Visits}}", "3"),
        ("{{Address}} {{Id}}", "+14255550199 ep-mary-sms"),
    ],
)
def test_a_variable_prints_the_endpoints_value(text, expected):
    assert render(text) == expected


def test_a_bare_list_prints_its_values_joined_by_comma_and_space():
    assert render("{{Attributes.Interests}}") == "music, travel"


def test_the_first_entry_of_a_value_that_is_no_list_is_that_value():
    assert render("{{Location.City.[0]}}") == "Los Angeles"


@pytest.mark.parametrize("nothing", [None, "", [], [""]])
def test_a_value_that_is_missing_or_empty_takes_the_default(nothing):
    variables = {"Attributes": {"City": nothing}}

    text = render("{{Attributes.City}}", variables, {"Attributes.City": "your city"})

    assert text == "your city"


def test_a_default_may_be_nested():
    defaults = {"User": {"UserAttributes": {"FirstName": "there"}}}

    assert render("{{User.UserAttributes.FirstName.[0]}}", {}, defaults) == "there"


def test_a_missing_value_without_default_prints_nothing():
    assert render("[{{Attributes.Shoe}}{{Location.City.Street}}{{a.[7]}}]") == "[]"


def test_substitutions_win_over_the_endpoint_and_the_endpoint_over_defaults():
    template = "{{Location.City}} {{User.UserAttributes.FirstName}}"
    defaults = {"Location.City": "nowhere", "User.UserAttributes.FirstName": "there"}

    text = render(template, defaults=defaults, substitutions={"Location.City": ["Rome"]})

    assert text == "Rome Mary"


def test_html_bodies_escape_values_and_triple_braces_do_not():
    variables = {"Attributes": {"Name": ['<b>O\'Neil & "Co"=`x`</b>']}}
    source = "<p>{{Attributes.Name}}|{{{Attributes.Name}}}</p>"

    text = render(source, variables, html=True)

    assert text == (
        "<p>&lt;b&gt;O&#x27;Neil &amp; &quot;Co&quot;&#x3D;&#x60;x&#x60;&lt;/b&gt;"
        '|<b>O\'Neil & "Co"=`x`</b></p>'
    )


def test_plain_text_never_escapes():
    assert render("{{Attributes.N}}", {"Attributes": {"N": ["Tom & Jo <3"]}}) == "Tom & Jo <3"


@given(st.text())
def test_values_are_never_read_as_template(value):
    text = render("{{Attributes.N}}", {"Attributes": {"N": [value]}})

    assert text == value


@given(st.text(alphabet=st.characters(exclude_characters="{\\")))
def test_text_without_braces_stays_as_it_is(text):
    assert render(text) == text


@given(st.text(alphabet="{}#/^>&!~ abif.[]()\"'=@else-"))
def test_any_text_either_compiles_and_renders_or_is_refused_with_its_place(text):
    try:
        render(text)
    except TemplateError as error:
        assert error.line >= 1
        assert error.column >= 1
    except RenderingFailed as error:
        assert error.message.startswith("Template helper")


# The examples of AWS's page on template helpers, in its order.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{{#each User.UserAttributes.Colors}}<li>{{this}}</li>{{/each}}",
            "<li>red</li><li>blue</li>",
        ),
        ("{{#each Attributes.None}}x{{else}}You have none.{{/each}}", "You have none."),
        ("{{#each User.UserAttributes.Colors}}{{@index}}{{this}} {{/each}}", "0red 1blue "),
        (
            "{{#if User.UserAttributes.FirstName.[0]}}Hello {{User.UserAttributes.FirstName.[0]}},"
            "{{else}}Hello,{{/if}}",
            "Hello Mary,",
        ),
        ("{{#if Attributes.Nick}}a{{else}}b{{/if}}", "b"),
        (
            '{{#and (eq Location.City "Los Angeles") (eq Location.Country "US")}}in{{else}}out'
            "{{/and}}",
            "in",
        ),
        ('{{#eq User.UserAttributes.Colors.[0] "red"}}red{{else}}no{{/eq}}', "red"),
        ('{{#gt User.UserAttributes.Age.[0] "17"}}old{{else}}young{{/gt}}', "old"),
        ('{{#gt User.UserAttributes.Age.[0] "9"}}old{{else}}young{{/gt}}', "old"),
        ('{{#gte User.UserAttributes.Age "22"}}old{{else}}young{{/gte}}', "old"),
        ('{{#lt User.UserAttributes.Age "22"}}young{{else}}old{{/lt}}', "old"),
        ('{{#lte User.UserAttributes.Age "22"}}young{{else}}old{{/lte}}', "young"),
        ('{{#neq User.UserAttributes.Colors.[0] "red"}}a{{else}}b{{/neq}}', "b"),
        ('{{#not (eq User.UserAttributes.Colors.[0] "red")}}a{{else}}b{{/not}}', "b"),
        ('{{not (eq User.UserAttributes.Colors.[0] "red")}}', "false"),
        (
            '{{#or (eq Location.City "Los Angeles") (eq Location.City "Seattle")}}West{{/or}}',
            "West",
        ),
        (
            "{{eq Location.Country 'US' yes='y' no='n'}}"
            "{{eq Location.Country 'FR' yes='y' no='n'}}",
            "yn",
        ),
        ('{{abbreviate "Alejandro" 6}}', "Ale..."),
        ('{{capitalize "my first post"}}', "My First Post"),
        ('{{capitalizeFirst "my first post"}}', "My first post"),
        ("{{center Location.City size=19}}", "    Los Angeles    "),
        ('{{center Location.City size=15 pad="*"}}', "**Los Angeles**"),
        ('{{cut Location.City "e"}}', "Los Angls"),
        ("{{cut Location.City}}", "LosAngeles"),
        (
            '{{dateFormat "09/19/2020" inputFormat="MM/dd/yyyy" outputFormat="full" '
            "tz=America/Los_Angeles}}",
            "Saturday, September 19, 2020",
        ),
        ("{{inflect 3 apple apples includeCount=false}}", "apples"),
        ('{{inflect 3 "apple" "apples" includeCount=true}}', "3 apples"),
        ('{{inflect 1 "apple" "apples" includeCount="true"}}', "1 apple"),
        ('{{join User.UserAttributes.Colors ", "}}', "red, blue"),
        ('{{join User.UserAttributes.Colors " // " prefix="<" suffix=">"}}', "<red // blue>"),
        ("{{ljust Location.City size=15}}|", "Los Angeles    |"),
        ("{{rjust Location.City size=15}}", "    Los Angeles"),
        ("{{lower User.UserAttributes.FirstName}}", "mary"),
        ("{{upper User.UserAttributes.FirstName.[0]}}", "MARY"),
        ('{{now "medium" tz=America/Los_Angeles}}', "Sept 19, 2020"),
        ('{{now format="short"}}', "9/19/20"),
        ("{{now \"yyyy-MM-dd'T'HH:mm:ssXXX\" tz='Asia/Kathmandu'}}", "2020-09-19T17:50:09+05:45"),
        ("{{ordinalize User.UserAttributes.Age.[0]}}", "22nd"),
        ("{{ordinalize 11}} {{ordinalize 101}} {{ordinalize 3}}", "11th 101st 3rd"),
        ('{{replace Location.City " " "_"}}', "Los_Angeles"),
        ("{{slugify Location.City}}", "los-angeles"),
        ('{{stripTags "<h1>Art</h1>"}}', "Art"),
        ("{{substring Location.City 4 9}}", "Angel"),
        ("{{yesno true}} {{yesno false}} {{yesno Attributes.None}}", "yes no maybe"),
        ("{{yesno false yes='Y' no='N'}}", "N"),
        (
            "{{add 5 2.3}} {{subtract 5 2.3}} {{multiply 5 2.3}} {{divide 5 2.3}}",
            "7.3 2.7 11.5 2.17391304",
        ),
        (
            "{{modulo 7 2}} {{ceiling 5.23}} {{floor 5.23}} {{round 19.21}} {{round 2.5}}",
            "1 6 5 19 3",
        ),
        ('{{decode64 "SGVsbG8gd29ybGQ="}}', "Hello world"),
        ('{{encode64 "Hello world"}}', "SGVsbG8gd29ybGQ="),
        ('{{md5 "Hello world"}}', "3e25960a79dbc69b674cd4ec67a72c62"),
        (
            '{{sha256 "Hello World"}}',
            "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e",
        ),
        (
            '{{#* inline "who"}}{{User.UserAttributes.FirstName}}{{/inline}}Hello {{> who}}',
            "Hello Mary",
        ),
        ('{{capitalizeFirst (lower "JANE")}}', "Jane"),
    ],
)
def test_helpers_answer_as_awss_examples_say(text, expected):
    assert render(text) == expected


def test_sha512_and_uuid_have_their_forms():
    assert render('{{sha512 "Hello World"}}').startswith("2c74fd17edafd80e8447b0d46741ee243b7eb74d")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", render("{{uuid}}"))


def test_every_helper_on_the_list_is_there():
    listed = (
        "and or not eq neq gt gte lt lte abbreviate capitalize capitalizeFirst center cut inflect "
        "join ljust rjust lower upper ordinalize replace slugify stripTags substring yesno now "
        "dateFormat add subtract multiply divide modulo round ceiling floor encode64 decode64 md5 "
        "sha256 sha512 uuid"
    )

    assert set(listed.split()) == set(HELPERS)


@pytest.mark.parametrize(
    "name", [name for name, helper in HELPERS.items() if helper.least and not helper.condition]
)
def test_a_helper_on_a_missing_value_loses_no_message(name):
    helper = HELPERS[name]
    more = " ".join(['"1"'] * (helper.least - 1))
    size = " size=3" if "size" in helper.named else ""

    text = render(f"{{{{{name} Attributes.None {more}{size}}}}}")

    assert text == ("maybe" if name == "yesno" else "")


def test_each_stops_after_fifteen_values():
    variables = {"Attributes": {"N": [str(n) for n in range(40)]}}

    assert render("{{#each Attributes.N}}{{this}},{{/each}}", variables).count(",") == 15


def test_inside_each_outer_names_and_positions_can_be_read():
    text = (
        "{{#each Attributes.Interests}}{{this}} in {{Location.City}}"
        "{{#if @last}}.{{else}}; {{/if}}{{/each}}"
    )

    assert render(text) == "music in Los Angeles; travel in Los Angeles."


def test_else_if_chains_with_unless_and_with():
    chain = "{{#if Attributes.None}}1{{else if Location.City}}2{{else}}3{{/if}}"

    assert render(chain) == "2"
    assert render("{{#unless Attributes.None}}none{{/unless}}") == "none"
    assert render("{{#with Location}}{{City}}{{/with}}") == "Los Angeles"


def test_comments_tildes_and_escaped_braces():
    text = "a {{~Location.Country~}}  b{{! gone }}{{!-- }} gone too --}} \\{{kept}}"

    assert render(text) == "aUSb {{kept}}"


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("{{#if a}}x", 1, 1, "never closed"),
        ("one\n two {{shout name}}", 2, 8, "no helper named 'shout'"),
        ("{{/if}}", 1, 1, "closes nothing"),
        ("{{else}}", 1, 1, "closes nothing"),
        ("{{upper a b}}", 1, 3, "takes 1 values, not 2"),
        ("{{center a width=3}}", 1, 12, "takes no width="),
        ("{{> nobody}}", 1, 1, "no inline partial"),
        ("text {{open", 1, 6, "not closed"),
        ("{{{a}}", 1, 1, "not closed by }}}"),
        ("{{#if a}}{{/each}}", 1, 10, "expected {{/if}}"),
        ('{{#* inline "a"}}{{> a}}{{/inline}}', 1, 18, "contains itself"),
        ("{{upper (lower a}}", 1, 9, "never closed"),
        ("{{}}", 1, 1, "empty"),
        ("{{#shout a}}{{/shout}}", 1, 1, "no block helper"),
        ("{{now locale='de_DE'}}", 1, 7, "English only"),
        ("{{#if a}}" * 60, 1, 172, "inside each other"),
        ("{{" + "a " * 1_001 + "}}", 1, 1, "at most 2000 characters"),
        ("{{#each a}}" * 4, 1, 34, "more than 3 #each"),
        ("{{#if (eq a &quot;b&quot;)}}x{{/if}}", 1, 13, 'write " for &quot;'),
        ("{{&quot;a&quot;}}", 1, 3, 'write " for &quot;'),
        ("{{#if (eq a \u201cb\u201d)}}x{{/if}}", 1, 13, "a curly quote"),
        ("{{#if a&gt;3}}x{{/if}}", 1, 7, "> for &gt;"),
        ("{{@foo}}", 1, 3, "@index, @key, @first, @last, @root"),
        ("{{@index}}", 1, 3, "belongs into 1 #each"),
        ("{{#each a}}{{@../index}}{{/each}}", 1, 14, "belongs into 2 #each"),
        ("{{#each a}}{{../@index}}{{/each}}", 1, 14, "write @../index"),
    ],
)
def test_a_syntax_error_tells_line_column_and_reason(text, line, column, reason):
    with pytest.raises(TemplateError, match=re.escape(reason)) as raised:
        compile_template(text)

    assert (raised.value.line, raised.value.column) == (line, column)


def partials(levels, uses):
    """Partials p0 … that each use the next one so many times."""
    chain = "".join(
        f'{{{{#* inline "p{n}"}}}}{f"{{{{> p{n + 1}}}}}" * uses}{{{{/inline}}}}'
        for n in range(levels - 1)
    )
    return chain + f'{{{{#* inline "p{levels - 1}"}}}}x{{{{/inline}}}}{{{{> p0}}}}'


def test_partials_nest_five_deep_and_no_deeper():
    assert render(partials(5, 2)) == "x" * 16
    with pytest.raises(TemplateError, match="more than 5 partials inside each other"):
        compile_template(partials(6, 1))


def test_partials_that_multiply_each_other_fail_instead_of_filling_memory():
    with pytest.raises(RenderingFailed, match="write too much text"):
        render(partials(5, 100))


@pytest.mark.parametrize(
    "text",
    [
        "{{add Location.City 1}}",
        "{{divide 1 0}}",
        '{{dateFormat "soon"}}',
        '{{dateFormat "02/30/2020" inputFormat="MM/dd/yyyy"}}',
        '{{now tz="Mars/Olympus"}}',
        "{{decode64 Location.City}}",
        "{{substring Location.City -1}}",
    ],
)
def test_a_value_no_helper_can_use_fails_this_render_without_showing_the_value(text):
    with pytest.raises(RenderingFailed) as raised:
        render(text)

    assert "Los Angeles" not in raised.value.message


ODD_VALUES = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2020-01-01 00:00:00+9900",
    "1e999999999",
    "1e-999999",
    "-1e999999999999999999999",
    "NaN",
    "\u00df",
    "\u0665",
    "x" * 2_000,
    True,
    float("inf"),
    {"a": "b"},
    [],
    ["", ""],
    [None],
]


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize(
    "text",
    [
        "{{dateFormat Attributes.v tz=America/Los_Angeles}}",
        "{{dateFormat Attributes.v tz=Pacific/Auckland}}",
        '{{dateFormat Attributes.v inputFormat="yyyy-MM-dd HH:mm:ssZ"}}',
        *(f"{{{{{name} Attributes.v}}}}" for name in ("round", "ceiling", "floor", "ordinalize")),
        "{{multiply Attributes.v 1}}",
        "{{divide 1 Attributes.v}}",
        "{{gt Attributes.v 1}}",
        "{{inflect Attributes.v day days includeCount=true}}",
        "{{decode64 Attributes.v}}",
        "{{encode64 Attributes.v}}",
        "{{center Attributes.v size=20}}",
        "{{substring Attributes.v 1}}",
        "{{join Attributes.v 'and'}}",
        "{{#each Attributes.v}}{{this}}{{/each}}",
        "{{Attributes.v.length}}{{Attributes.v}}",
    ],
)
def test_an_odd_value_prints_something_short_or_fails_its_own_render_only(text, value):
    try:
        printed = render(text, {"Attributes": {"v": value}})
    except RenderingFailed as failure:
        assert len(failure.message) < 200
    else:
        assert len(printed) < 3_000


@pytest.mark.parametrize("depth", [4, 12])
def test_nested_replaces_fail_instead_of_filling_memory(depth):
    text = "'x'"
    for _ in range(depth):
        text = f"(replace {text} 'x' '{'x' * 100}')"

    with pytest.raises(RenderingFailed, match="characters"):
        render("{{upper " + text + "}}" + "{{upper " + text + "}}")


def test_helpers_share_one_bound_in_a_render():
    loops = "{{#each a}}{{#each ../a}}{{#each ../../a}}"
    text = loops + "{{replace b 'x' 'xxxxxxxxx'}}" + "{{/each}}" * 3

    with pytest.raises(RenderingFailed, match="write too much text"):
        render(text, {"a": list("123456789012345"), "b": "x" * 10_000})


def test_root_names_the_recipient_from_inside_a_loop():
    variables = {"Id": "e1", "Attributes": {"Items": [{"Id": "i1"}, {"Id": "i2"}]}}

    text = render("{{#each Attributes.Items}}{{@root.Id}}/{{Id}} {{/each}}", variables)

    assert text == "e1/i1 e1/i2 "


def test_a_loop_tells_the_place_in_the_loop_outside():
    text = "{{#each a}}{{#each ../a}}{{@../index}}{{@index}} {{/each}}{{/each}}"

    assert render(text, {"a": ["x", "y"]}) == "00 01 10 11 "


def test_the_length_of_a_list_is_the_number_of_its_values():
    text = "{{#gt Attributes.Interests.length 1}}many{{else}}few{{/gt}}"

    assert render(text) == "many"
    assert render(text, {"Attributes": {"Interests": ["music"]}}) == "few"
    assert render("{{Attributes.None.length}}") == ""


def test_a_bracketed_name_and_a_quoted_text_keep_entities_and_curly_quotes():
    variables = {"Attributes": {"A&amp;B": ["yes"]}}

    assert render("{{Attributes.[A&amp;B]}}", variables) == "yes"
    assert render("{{upper 'a &quot; \u2019'}}") == "A &QUOT; \u2019"


def test_a_template_reaches_no_python_attribute():
    text = "{{Attributes.__class__}}{{__class__}}{{Location.City.upper}}{{this.items}}"

    assert render(text) == ""


def test_the_same_text_is_compiled_once():
    assert compile_template("once {{a}}") is compile_template("once {{a}}")


@pytest.mark.parametrize("name", ["", "-a", "a b", "ü", "a" * 129, "a/b"])
def test_a_template_name_outside_the_pattern_is_refused(name):
    with pytest.raises(BadRequest, match="must start with a letter or digit"):
        validate_template_name(name)


def test_a_template_name_of_128_characters_is_fine():
    validate_template_name("9" + "a_-" * 42 + "a")


@pytest.mark.parametrize(
    ("kind", "request_body", "problem"),
    [
        ("SMS", {"Body": "x" * 1601}, "1601 characters; the limit is 1600"),
        ("EMAIL", {"Subject": "s", "HtmlPart": "x" * 600_001}, "limit is 600000"),
        ("SMS", {"Body": "Hi\n{{#if}}"}, "Body: Template, line 2, column 1"),
        ("SMS", {}, "needs a Body"),
        ("EMAIL", {"TemplateDescription": "d"}, "needs a Subject"),
        ("SMS", {"Body": "x", "DefaultSubstitutions": "[1]"}, "JSON object"),
        ("SMS", {"Body": "x", "DefaultSubstitutions": "{"}, "JSON object"),
        ("SMS", {"Body": "x", "DefaultSubstitutions": {"a": "b"}}, "JSON object"),
        ("FAX", {"Body": "x"}, "no FAX templates"),
        (
            "EMAIL",
            {"TextPart": "x", "Headers": [{"Name": "A:B", "Value": "v"}]},
            r"Headers\[0\].Name",
        ),
        (
            "EMAIL",
            {"TextPart": "x", "Headers": [{"Name": "A", "Value": "v\nB: c"}]},
            r"Headers\[0\].Value",
        ),
        ("EMAIL", {"TextPart": "x", "Headers": [{"Name": "A", "Value": "v"}] * 16}, "at most 15"),
    ],
)
def test_a_template_that_breaks_a_limit_is_refused(kind, request_body, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_template(kind, request_body)


def in_app_message(**changes):
    message = {
        "BackgroundColor": "#FFFFFF",
        "HeaderConfig": {"Header": "Spring", "TextColor": "#000", "Alignment": "CENTER"},
        "BodyConfig": {"Body": "All shoes", "TextColor": "#1A2b3C", "Alignment": "LEFT"},
    }
    return {"Layout": "OVERLAYS", "Content": [message | changes]}


def button(**changes):
    return {"DefaultConfig": {"ButtonAction": "CLOSE", "Text": "Later"} | changes}


@pytest.mark.parametrize(
    ("request_body", "problem"),
    [
        ({}, "needs one of ADM, APNS, Baidu, Default, GCM"),
        ({"Default": {}}, "needs one of"),
        ({"Default": {"Action": "OPEN_APP"}}, "needs one of"),
        ({"APNS": {"Sound": "default"}}, "needs one of"),
        ({"Default": {"Title": "", "Body": ""}}, "needs one of"),
        (
            {"Default": {"Body": "x" * 4001}},
            r"Default\.Body has 4001 characters; the limit is 4000",
        ),
        ({"APNS": {"Title": "x" * 2001, "Body": "x" * 2000}}, "APNS has 4001 characters in all"),
        ({"GCM": {"Body": "x" * 4001}}, r"GCM\.Body"),
        ({"Baidu": {"Body": "x" * 4001}}, r"Baidu\.Body"),
        ({"ADM": {"Body": "x" * 6001}}, "limit is 6000"),
        ({"Default": {"Body": "Hi {{#if}}"}}, r"Default\.Body: Template, line 1"),
        ({"GCM": {"Title": "{{nope 1}}", "Body": "b"}}, r"GCM\.Title"),
        ({"GCM": {"Body": "b", "Url": "https://x/{{"}}, r"GCM\.Url"),
        ({"Default": {"Body": "b", "Action": "URL"}}, r"Default\.Url is missing"),
        ({"APNS": {"RawContent": "{aps}"}}, r"APNS\.RawContent must be a string that holds a JSON"),
        ({"APNS": {"RawContent": "[1]"}}, r"APNS\.RawContent"),
        ({"Default": {"Body": "b"}, "DefaultSubstitutions": "{"}, "JSON object"),
    ],
)
def test_a_push_template_that_breaks_a_rule_is_refused(request_body, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_template("PUSH", request_body)


@pytest.mark.parametrize(
    "request_body",
    [
        {"Default": {"Title": "t"}},
        {"ADM": {"Body": "x" * 6000}},
        {"APNS": {"RawContent": '{"aps": {"alert": "Hi {{User.UserId}}"}}', "Action": "URL"}},
        {"GCM": {"RawContent": '{"data": {"a": "b"}}'}},
        {"Default": {"Body": "b", "Action": "URL", "Url": "https://example.com/{{Id}}"}},
    ],
)
def test_a_push_template_that_keeps_the_rules_is_accepted(request_body):
    validate_template("PUSH", request_body)


@pytest.mark.parametrize(
    ("request_body", "problem"),
    [
        ({}, "needs a Content"),
        ({"Content": []}, "needs a Content"),
        ({"Content": in_app_message()["Content"] * 6}, "6 messages; the limit is 5"),
        ({"Content": [{}]}, r"Content\[0\]\.BackgroundColor is missing"),
        (in_app_message(BackgroundColor=""), "BackgroundColor is missing"),
        (in_app_message(HeaderConfig=None), "HeaderConfig is missing"),
        (in_app_message(BodyConfig=None), "BodyConfig is missing"),
        (in_app_message(HeaderConfig={"Header": ""}), r"HeaderConfig\.Header must not be empty"),
        (in_app_message(BodyConfig={"Body": ""}), r"BodyConfig\.Body must not be empty"),
        (in_app_message(BackgroundColor="red"), "BackgroundColor must be a hex color code"),
        (in_app_message(BodyConfig={"Body": "b", "TextColor": "#12"}), r"BodyConfig\.TextColor"),
        (in_app_message(PrimaryBtn=button(ButtonAction="LINK")), r"PrimaryBtn.*Link is missing"),
        (
            in_app_message(SecondaryBtn={"IOS": {"ButtonAction": "DEEP_LINK"}}),
            r"SecondaryBtn\.IOS\.Link is missing",
        ),
        (in_app_message(PrimaryBtn=button(TextColor="#GGGGGG")), r"DefaultConfig\.TextColor"),
        (in_app_message(PrimaryBtn=button(BackgroundColor="0")), r"DefaultConfig\.BackgroundColor"),
        (in_app_message(ImageUrl="x" * 200_001), "limit is 200000"),
    ],
)
def test_an_in_app_template_that_breaks_a_rule_is_refused(request_body, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_template("INAPP", request_body)


def test_an_in_app_template_that_keeps_the_rules_is_accepted():
    validate_template("INAPP", in_app_message())
    validate_template("INAPP", {"Content": in_app_message()["Content"] * 5, "Layout": "CAROUSEL"})
    validate_template("INAPP", in_app_message(PrimaryBtn=button(ButtonAction="LINK", Link="a:b")))


def test_the_text_of_an_in_app_template_is_no_template_since_variables_have_no_effect_there():
    body = {"Body": "Type {{#if}} to win", "TextColor": "#000000", "Alignment": "LEFT"}

    validate_template("INAPP", in_app_message(BodyConfig=body))


@pytest.mark.parametrize("kind", ["SMS", "VOICE"])
def test_a_text_template_at_its_limit_is_accepted(kind):
    defaults = json.dumps({"User.UserAttributes.FirstName": "there"})

    validate_template(kind, {"Body": "x" * 1600, "DefaultSubstitutions": defaults})
