"""The check of a query: one SELECT, columns of an import, tables of the given databases."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federated_segmentation.query_check import InvalidQuery, check_query

DATABASES = ("shop", "news_events")


def check(sql, *, mutates=False, seconds=10.0):
    return check_query(sql, mutates=mutates, databases=DATABASES, seconds=seconds)


def reason(sql, **options):
    with pytest.raises(InvalidQuery) as caught:
        check(sql, **options)
    return str(caught.value)


# Questions

GOOD = {
    "an alias in quotes": ('SELECT a AS "Id" FROM t', ("Id",)),
    "lower case keywords": ("select a as Id from t", ("Id",)),
    "an alias without AS": ('SELECT a "Id" FROM t', ("Id",)),
    "a column that has the name": ('SELECT "Id" FROM t', ("Id",)),
    "a column of a table": ("SELECT t.Id FROM t", ("Id",)),
    "a comma within a function": (
        'SELECT concat(a, \',\', b) AS "Id", lower(c) AS "Attributes.C" FROM t',
        ("Id", "Attributes.C"),
    ),
    "an attribute with a space": (
        'SELECT a AS "Id", b AS "Attributes.Shoe size" FROM t',
        ("Id", "Attributes.Shoe size"),
    ),
    "a new endpoint": (
        'SELECT mail AS "Address", \'EMAIL\' AS "ChannelType", u AS "User.UserId" FROM t',
        ("Address", "ChannelType", "User.UserId"),
    ),
    "users": ('SELECT u AS "User.UserId" FROM t', ("User.UserId",)),
    "every other kind": (
        'SELECT 1 AS "Id", 2 AS "Metrics.Visits", 3 AS "Location.Country", 4 AS "OptOut", '
        '5 AS "Demographic.Locale", 6 AS "User.UserAttributes.First Name" FROM t',
        ("Id", "Metrics.Visits", "Location.Country", "OptOut", "Demographic.Locale")
        + ("User.UserAttributes.First Name",),
    ),
    "several values": (
        'SELECT 1 AS "Id", 2 AS "Attributes.Likes", 3 AS "Attributes.Likes" FROM t',
        ("Id", "Attributes.Likes", "Attributes.Likes"),
    ),
    "WITH": ('WITH c AS (SELECT * FROM shop.t) SELECT a AS "Id" FROM c', ("Id",)),
    "a star within": ('SELECT a AS "Id" FROM (SELECT * FROM t)', ("Id",)),
    "a UNION": ('SELECT a AS "Id" FROM t UNION ALL SELECT b FROM u EXCEPT SELECT 1', ("Id",)),
    "brackets": ('(SELECT a AS "Id" FROM t) UNION (SELECT b FROM u)', ("Id",)),
    "a semicolon at the end": ('SELECT a AS "Id" FROM t ; ', ("Id",)),
    "a semicolon in a text": ("SELECT ';DROP TABLE t' AS \"Id\" FROM t", ("Id",)),
    "comments": (
        '/* ; DROP TABLE t */ SELECT a AS "Id" -- ; DELETE\nFROM t /* UNLOAD */',
        ("Id",),
    ),
    "a table in quotes": ('SELECT a AS "Id" FROM "AwsDataCatalog"."SHOP"."t"', ("Id",)),
    "the partitions of a table": ('SELECT a AS "Id" FROM "shop"."t$partitions"', ("Id",)),
    "UNNEST and a lambda": (
        'SELECT x AS "Id" FROM t CROSS JOIN UNNEST(filter(d, y -> y > 1)) AS u(x)',
        ("Id",),
    ),
    "forty levels": (
        'SELECT a AS "Id" FROM t WHERE ' + "(" * 40 + "a = 1" + ")" * 40,
        ("Id",),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_question_is_taken_however_it_is_written(name):
    sql, columns = GOOD[name]

    assert check(sql).columns == columns


# Statements that are no question

OTHER_STATEMENTS = [
    "CREATE TABLE x AS SELECT 1 AS Id",
    "CREATE OR REPLACE VIEW v AS SELECT 1 AS Id",
    "INSERT INTO t SELECT a AS Id FROM u",
    "DELETE FROM t",
    "UPDATE t SET a = 1",
    "MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMNS (x int)",
    "MSCK REPAIR TABLE t",
    "UNLOAD (SELECT a AS Id FROM t) TO 's3://x/' WITH (format = 'CSV')",
    "EXPLAIN SELECT a AS Id FROM t",
    "EXPLAIN ANALYZE SELECT a AS Id FROM t",
    "EXECUTE p USING 1",
    "PREPARE p FROM SELECT a AS Id FROM t",
    "DEALLOCATE PREPARE p",
    "SHOW TABLES",
    "DESCRIBE t",
    "VACUUM t",
    "OPTIMIZE t REWRITE DATA USING BIN_PACK",
    "GRANT SELECT ON t TO u",
    "USE shop",
    "CALL p()",
    "VALUES (1, 2)",
    "TABLE t",
    "FROM t SELECT a AS Id",
    "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
    'WITH c AS (DELETE FROM t RETURNING a) SELECT a AS "Id" FROM c',
    'SELECT a AS "Id" INTO x FROM t',
    'SELECT a AS "Id" FROM t FOR UPDATE',
]


@pytest.mark.parametrize("sql", OTHER_STATEMENTS)
def test_a_statement_that_is_no_question_is_refused(sql):
    assert "must be one SELECT" in reason(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE t; SELECT a AS Id FROM t",
        "SELECT a AS Id FROM t; DROP TABLE t",
        "SELECT a AS Id FROM t;;SELECT b AS Id FROM t",
        "SELECT a AS Id FROM t /* ; */ ; -- ;\n DELETE FROM t",
        "/* /* */ SELECT a AS Id FROM t; DROP TABLE t",
        "SELECT 'it''s' AS Id FROM t; DELETE FROM t",
    ],
)
def test_a_second_statement_is_refused_wherever_it_hides(sql):
    assert "must be one SELECT" in reason(sql) or "more than one statement" in reason(sql)


@pytest.mark.parametrize("sql", ["", "   ", ";", "-- nothing", "/* nothing */"])
def test_a_query_without_a_statement_is_refused(sql):
    assert reason(sql) == "The query is empty. Give one SELECT statement."


@pytest.mark.parametrize("sql", ["SELECT 'a AS Id", 'SELECT a AS "Id', "SELECT 1 AS Id /* x"])
def test_a_query_that_does_not_end_is_refused(sql):
    assert "Close every quote and every comment" in reason(sql)


def test_bad_sql_is_refused_with_its_place_and_without_its_text():
    text = reason("SELECT a AS Id FROM t WHERE mail = = 'ann@example.com'")

    assert "at line 1, column" in text
    assert "ann@example.com" not in text


def test_a_name_with_a_dot_needs_quotes_and_the_reason_says_so():
    assert 'needs double quotes: AS "User.UserId"' in reason("SELECT a AS User.UserId FROM t")


def test_a_parameter_is_refused_since_a_run_has_no_values():
    assert "no values for it" in reason('SELECT a AS "Id" FROM t WHERE b = ?')


# Columns

BAD_COLUMNS = {
    "a star": ("SELECT * FROM t", "Name each column of the import"),
    "the star of a table": ('SELECT a AS "Id", t.* FROM t', "Name each column of the import"),
    "a star in a UNION": ('SELECT a AS "Id" FROM t UNION SELECT * FROM u', "Name each column"),
    "a column without a name": ("SELECT count(a) FROM t", "Column 1 has no name. Add one"),
    "the second without a name": ('SELECT a AS "Id", lower(b) FROM t', "Column 2 has no name"),
    "another case": ("SELECT a AS id FROM t", "Column id is not one .* Did you mean Id?"),
    "a column of a table by its own name": ("SELECT endpoint_id FROM t", "Column endpoint_id"),
    "a header of other programs": (
        'SELECT a AS "Id", b AS "First Name" FROM t',
        "Column First Name is not .* Did you mean User.UserAttributes.FirstName?",
    ),
    "an attribute without its prefix": (
        'SELECT a AS "Id", b AS "ShoeSize" FROM t',
        'An attribute is "Attributes.ShoeSize"',
    ),
    "an attribute without a name": ('SELECT a AS "Id", b AS "Attributes." FROM t', "not one of an"),
    "a long attribute": (
        f'SELECT a AS "Id", b AS "Attributes.{"x" * 51}" FROM t',
        "at most 50 characters",
    ),
    "a column of exports": (
        'SELECT a AS "Id", b AS "CreationDate" FROM t',
        "Column CreationDate cannot be set by an import",
    ),
    "a column twice": ('SELECT a AS "Id", b AS "Id" FROM t', "Column Id comes 2 times"),
    "a line break": ('SELECT a AS "Id", b AS "Attributes.a\nb" FROM t', "control character"),
    "no identity": (
        'SELECT a AS "Attributes.Plan" FROM t',
        "Columns Address and ChannelType are missing",
    ),
    "no channel": ('SELECT a AS "Address" FROM t', "Column ChannelType is missing"),
    "too many": (
        "SELECT a AS Id" + ', a AS "Attributes.A"' * 1000 + " FROM t",
        "more than 1,000 columns",
    ),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_a_column_that_no_import_takes_is_refused_by_name(name):
    sql, expected = BAD_COLUMNS[name]

    with pytest.raises(InvalidQuery, match=expected):
        check(sql)


def test_all_columns_that_no_import_takes_are_named_at_once():
    text = reason('SELECT a AS "Id", b AS "Email", c AS "Shoe", d AS "CohortId" FROM t')

    assert all(f"Column {name}" in text for name in ("Email", "Shoe", "CohortId"))


def test_a_mutate_run_needs_a_column_that_it_can_write():
    assert "no column is one" in reason('SELECT a AS "Id" FROM t', mutates=True)
    assert check('SELECT a AS "Id", b AS "Attributes.B" FROM t', mutates=True).writes


@pytest.mark.parametrize(
    ("columns", "writes"),
    [
        ('"Id"', False),
        ('"Address", 2 AS "ChannelType"', False),
        ('"User.UserId"', False),
        ('"Id", 2 AS "Attributes.Plan"', True),
        ('"Id", 2 AS "OptOut"', True),
        ('"Id", 2 AS "User.UserId"', True),
    ],
)
def test_a_query_writes_when_a_column_is_more_than_who_is_meant(columns, writes):
    assert check(f"SELECT 1 AS {columns}").writes is writes


# Tables


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("payroll.salaries", "database payroll is not among the databases of the module"),
        ("t, (SELECT b FROM payroll.salaries)", "database payroll"),
        ("information_schema.tables", "database information_schema"),
        ("mysql.shop.t", "Tables must be in the catalog awsdatacatalog"),
        ("TABLE(system.query(query => 'DROP TABLE t'))", "Leave out table functions"),
        ("a.b.c.d", "more than three parts"),
    ],
)
def test_a_table_of_another_database_is_refused(source, expected):
    assert expected in reason(f'SELECT a AS "Id" FROM {source}')


def test_a_database_within_a_condition_counts_too():
    sql = 'SELECT a AS "Id" FROM t WHERE EXISTS (SELECT 1 FROM payroll.salaries)'

    assert "database payroll" in reason(sql)


# Time and size


def test_the_comma_first_layout_that_hung_the_original_is_refused_at_once():
    columns = "\n".join(f'    , column_{n} AS "Attributes.Name{n}"' for n in range(10))
    sql = f'SELECT endpoint_id AS "Id"\n{columns}\n    , column_x AS Wrong\nFROM t'
    check("SELECT a AS Id FROM t")  # loads the parser

    started = time.process_time()
    text = reason(sql)

    assert "Column Wrong is not one of an import" in text
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 60 + "1" + ")" * 60 + ' AS "Id"',
        'SELECT a AS "Id" FROM ' + "(SELECT a FROM " * 200 + "t" + ")" * 200,
        "SELECT " + "CASE WHEN a THEN " * 60 + "1" + " END" * 60 + ' AS "Id"',
        'SELECT a AS "Id" FROM t WHERE ' + "NOT " * 5000 + "b",
    ],
)
def test_deep_nesting_is_refused_with_the_way_out(sql):
    assert "levels of nesting" in reason(sql)


def test_a_query_that_keeps_the_parser_busy_is_given_up():
    sql = "SELECT " + "ARRAY[" * 30 + "1" + "]" * 30 + ' AS "Id"'

    assert "could not be parsed within 0.2 s" in reason(sql, seconds=0.2)


def test_a_query_over_the_limit_of_athena_is_refused_unread():
    assert "262,144 bytes" in reason("SELECT a AS Id FROM t -- " + "ü" * 131_072)


def test_the_text_of_a_query_is_never_logged(caplog):
    caplog.set_level(logging.DEBUG)

    reason("SELECT a AS Id FROM t; SHOW x 'ann@example.com'")
    reason("WITH c AS (CALL p('ann@example.com')) SELECT a AS Id FROM c")

    assert "ann@example.com" not in caplog.text


@given(st.text(max_size=60) | st.text(alphabet="SELECT*FROM asId\"'();,-/.?[]", max_size=60))
def test_any_text_is_a_question_or_is_refused_with_a_reason(text):
    try:
        checked = check(text)
    except InvalidQuery as problem:
        assert str(problem)
    else:
        assert checked.columns


@given(
    st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=50),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_names_of_attributes_are_taken_as_they_are(names):
    quoted = ", ".join('1 AS "Attributes.' + name.replace('"', '""') + '"' for name in names)

    assert check(f'SELECT 0 AS "Id", {quoted} FROM t').columns == (
        "Id",
        *(f"Attributes.{name}" for name in names),
    )
