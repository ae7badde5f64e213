"""A keyword is the whole message, or its first words; never a part of a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_self_managed_opt_outs.keywords import Action, BadKeywords, keywords_from, tokens_of
from tests.builders.opt_outs import KEYWORDS, keywords

WORDS = [word for one in KEYWORDS.values() for words in one["words"].values() for word in words]


def name_of(text: str, **changes) -> str | None:
    found = keywords(**changes).match(text)
    return found.keyword.name if found else None


@pytest.mark.parametrize(
    "text",
    ["See you at the weekend", "send", "my friend", "Acme Ltd", "Bend", "STOPS", "nonstop", "ENDE",
     "Don't stop", "stop please", "unstoppable", "TDs", "quitte", "optouts", "re-move", ""],
)  # fmt: skip
def test_a_word_that_contains_a_keyword_opts_nobody_out(text):
    assert name_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", "Stop.", " stop ", "STOP!!!", '"Stop"', "(stop)", "stop\n", "\tSTOP\r\n",
     "ＳＴＯＰ", "S\u200bTOP", "\ufeffstop", "stop\u00ad", "🛑 STOP", "stop 🙏",
     "STOP ✋🏽", "¡STOP!",
     "«stop»", "stop\u2026", "\u202estop\u202c", "*stop*", "STOP\u00a0", "sTOP\ufe0f"],
)  # fmt: skip
def test_a_keyword_is_found_whatever_stands_around_it(text):
    assert name_of(text) == "stop"


@pytest.mark.parametrize(
    "text", ["OPT OUT", "opt-out", "opt‑out", "Opt  out.", "optout", "OPT–OUT"]
)  # noqa: RUF001
def test_spaces_and_dashes_of_every_kind_are_the_same(text):
    assert name_of(text) == "stop"


@pytest.mark.parametrize(
    "text",
    ["STOP\ud83d", "\udc4dSTOP", "ST\u034fOP", "STOP\u3164", "\u115fSTOP", "STOP\uffa0",
     "STOP\U000e0101", "S\u180bTOP"],
)  # fmt: skip
def test_half_an_emoji_and_blanks_that_unicode_counts_as_letters_do_not_hide_a_keyword(text):
    assert name_of(text) == "stop"


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["İPTAL", "ÇIK"], ["iptal", "IPTAL", "İptal", "ıptal", "çık", "ÇIK", "Çik"]),
        (["iptal", "çık"], ["İPTAL", "IPTAL", "ÇIK"]),
        (["إيقاف"], ["إيقاف", "\u200fإيقاف؟", "\u2067إيقاف\u2069", "إيـــقاف"]),
        (["הסר"], ["הסר", "\u200eהסר\u200f.", "״הסר״"]),
        (["SCHLUSS"], ["schluß", "SCHLUẞ"]),
        (["退订"], ["退订。", "「退订」"]),
    ],
)
def test_words_of_other_scripts_are_found_as_people_write_them(words, texts):
    stop = {**KEYWORDS["stop"], "words": {"xx": words}}

    assert [name_of(text, stop=stop) for text in texts] == ["stop"] * len(texts)


@pytest.mark.parametrize(
    ("text", "language", "reply"),
    [
        ("ARRÊT", "fr", "Vous ne recevrez plus d'offres."),
        ("ARRE\u0302T", "fr", "Vous ne recevrez plus d'offres."),
        ("arret", "fr", "Vous ne recevrez plus d'offres."),
        ("stop", "en", "You will get no more offers."),
        ("DEBUT", "fr", "You will get our messages again."),
    ],
)
def test_the_answer_has_the_language_of_the_word_or_the_default(text, language, reply):
    found = keywords().match(text)

    assert (found.language, found.reply("en")) == (language, reply)


def test_a_first_word_keyword_is_found_at_the_beginning_only():
    assert name_of("Hours on Sunday?") == "hours"
    assert name_of("your hours") is None
    assert name_of("hourly") is None


def test_the_longest_first_words_win_and_a_whole_message_wins_over_them():
    stop = {**KEYWORDS["stop"], "match": "first_word"}
    stop_all = {**KEYWORDS["stop_all"], "match": "first_word"}

    assert name_of("stop all of it", stop=stop, stop_all=stop_all) == "stop_all"
    assert name_of("stop please", stop=stop, stop_all=stop_all) == "stop"
    assert name_of("STOP ALL", stop=stop) == "stop_all"


def test_an_opt_in_and_help_are_keywords_of_their_own():
    assert keywords().match("unstop").keyword.action is Action.OPT_IN
    assert keywords().match("HELP").keyword.action is Action.HELP


@given(st.text(max_size=60), st.sampled_from(WORDS), st.text(max_size=60))
def test_a_message_is_a_keyword_only_where_all_its_tokens_are_the_word(before, word, after):
    text = f"{before}{word}{after}"

    found = name_of(text, hours={**KEYWORDS["hours"], "match": "message"})

    assert (found is not None) == (tokens_of(text) in {tokens_of(one) for one in WORDS})


@given(st.text())
def test_every_text_has_tokens_that_stay_the_same_when_they_are_read_again(text):
    tokens = tokens_of(text)

    assert tokens_of(" ".join(tokens)) == tokens
    assert all(token and not token.isspace() for token in tokens)


@given(
    st.sampled_from(WORDS), st.sampled_from(["", " ", "!", "\u200d", "🙂", "...", "\n", "\u200e"])
)
def test_case_and_invisible_characters_never_hide_a_keyword(word, extra):
    for spelled in (word.lower(), word.upper(), word.title()):
        assert name_of(f"{extra}{spelled}{extra}") == name_of(word)


@pytest.mark.parametrize(
    ("name", "keyword", "says"),
    [
        ("stop", {"action": "stop", "words": {"en": ["X"]}}, "action must be one of"),
        ("stop", {"words": {"en": ["X"]}}, "action must be one of"),
        ("stop", {"action": "opt_out", "words": {"en": ["X"]}}, "category"),
        ("stop", {"action": "opt_in", "words": {"en": ["X"]}}, "category"),
        ("odd", {"action": "help", "words": {"en": ["!!!"]}}, "no message"),
        ("odd", {"action": "help", "words": {"en": [""]}}, "no message"),
        ("odd", {"action": "help", "words": {"en": ["ｓｔｏｐ"]}}, "share a word"),
        ("odd", {"action": "help", "words": {"en": ["Arrêt "]}}, "share a word"),
    ],
)
def test_settings_that_cannot_work_name_the_keyword_and_the_rule(name, keyword, says):
    with pytest.raises(BadKeywords, match=says) as error:
        keywords_from({**KEYWORDS, name: keyword})

    assert f"keywords.{name}" in str(error.value)


def test_a_long_hostile_message_is_read_in_little_time():
    assert name_of("stop" + " \u200b!" * 2_000_000) == "stop"
