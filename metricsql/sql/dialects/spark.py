"""How Spark's SQL is printed (Spark 4, ANSI mode, session time zone UTC). Only what differs, each with its reason.

The steps are the same trees that are printed for DuckDB. What is written here follows from facts about Spark:

* a literal such as `1.07` is a DECIMAL, whose arithmetic rounds otherwise: it is marked as a DOUBLE;
* FLOOR, CEIL and ROUND turn numbers into whole ones of 64 bits, or fail beyond: larger numbers stay as they are;
* texts that are no number or no time for DuckDB may be one for Spark (`1d`, `2025`, `now`): they are sorted out before;
* a function that makes rows cannot stand inside an expression; a row number needs an order.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.generator import Generator

from metricsql.sql.dialects import readable
from metricsql.sql.dialects.readable import FOR_PEOPLE, Words, as_any, with_words

SETTINGS = {"spark.sql.ansi.enabled": "true", "spark.sql.session.timeZone": "UTC",
            "spark.sql.variable.substitute": "false",
            "spark.sql.csv.parser.columnPruning.enabled": "false",
            "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushdownPredicatesAndPruneColumnsForCTEDef"}
"""What must hold in the session: bad values are found, times are UTC, nothing is put in the place of `${...}` in
a name or a text, a line of a CSV file with too few or too many
values is no row whichever of them are read, and steps keep their columns (this rule of Spark 4.3 takes one column of a
step for another where a step is read several times)."""
KEPT_SCHEMAS = ("metrics", "_metricsql")
"""The schemas of the built file; `_metricsql.fields` becomes a view of that name."""
LARGEST = "1.7976931348623157E308D"
WHOLE = "9007199254740992D"
"""From 2 ** 53 on every number is whole."""
_DIGITS = r"\\d+(_\\d+)*"
A_NUMBER = rf"^\\s*[+-]?(({_DIGITS}\\.?({_DIGITS})?|\\.{_DIGITS})([eE][+-]?{_DIGITS})?|(?i:inf|infinity|nan))\\s*$"
A_TIME = (r"^(\\d+)([-/ ])(\\d{1,2})\\2(\\d{1,2})"
          r"([ T]+\\d{1,2}:\\d{1,2}(:\\d{1,2}(\\.\\d*)?)?\\s*(Z|UTC|[+-]\\d\\d(:?\\d\\d)?)?)?\\s*$")
A_DAY = r"^(\\d+)[-/ ](\\d+)[-/ ](\\d+)[ T]*"
"""Java's patterns, as they stand in a text of Spark, where a backslash is doubled."""

_CLOCK = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ)
"""A time on the clocks of some place, without a zone."""
TYPES = {exp.DType.TIMESTAMP: "TIMESTAMP_NTZ", exp.DType.TIMESTAMPTZ: "TIMESTAMP", exp.DType.VARCHAR: "STRING", exp.DType.TEXT: "STRING"}


# Names and literals


def literal_sql(generator: Generator, node: exp.Literal) -> str:
    written = str(generator.literal_sql(node))
    is_whole = node.is_string or written.isdigit()
    return written if is_whole else f"{written}D"


def cast_sql(generator: Generator, node: exp.Cast) -> str:
    value = node.this
    if isinstance(value, exp.Unnest) or (isinstance(value, exp.Anonymous) and value.name.upper() == "UNNEST"):
        return str(generator.sql(value))  # a sequence of dates is made of dates
    return readable.cast_sql(generator, node)


def table_sql(generator: Generator, node: exp.Table) -> str:
    """What DuckDB's file holds is a temporary view here, and those have no schema."""
    if node.db in KEPT_SCHEMAS:
        node = node.copy()
        node.set("this", exp.to_identifier(f"{node.db}.{node.name}", quoted=True))
        node.set("db", None)
    return str(generator.table_sql(node))


def datatype_sql(generator: Generator, node: exp.DataType) -> str:
    return TYPES[node.this] if node.this in TYPES and not node.expressions else str(generator.datatype_sql(node))


# Numbers


def anonymous_sql(generator: Generator, node: exp.Anonymous) -> str:
    name, arguments = node.name.upper(), node.expressions
    if name == "ISFINITE":
        return f"ABS({generator.sql(arguments[0])}) <= {LARGEST}"
    if name in ("LIST_SUM", "LIST_AVG"):
        return _over_list(generator, name, arguments[0])
    if name == "LIST_DISTINCT":  # which leaves NULL out
        return f"ARRAY_COMPACT(ARRAY_DISTINCT({generator.sql(arguments[0])}))"
    plain = {"GENERATE_SERIES": "SEQUENCE", "UNNEST": "EXPLODE", "MOMENT": "STRUCT"}.get(name, node.name)
    return f"{plain}({', '.join(generator.sql(argument) for argument in arguments)})"


def _over_list(generator: Generator, name: str, values: exp.Expression) -> str:
    """The sum or mean of the values that are there; NULL without any."""
    items = f"CAST({generator.sql(values)} AS ARRAY<DOUBLE>)"
    if name == "LIST_SUM":
        return f"AGGREGATE({items}, CAST(NULL AS DOUBLE), (s, x) -> COALESCE(s + x, s, x))"
    return (f"AGGREGATE(ARRAY_COMPACT({items}), NAMED_STRUCT('s', 0D, 'n', 0), (a, x) -> NAMED_STRUCT('s', a.s + x, 'n', a.n + 1), "
            "a -> a.s / NULLIF(a.n, 0))")


def _let(generator: Generator, value: exp.Expression, template: str) -> str:
    """A template that mentions a value several times, which is computed once."""
    return f"TRANSFORM(ARRAY(CAST({generator.sql(value)} AS DOUBLE)), x -> {template})[0]"


def floor_sql(generator: Generator, node: exp.Floor) -> str:
    return _let(generator, node.this, f"CASE WHEN ABS(x) < {WHOLE} THEN CAST(FLOOR(x) AS DOUBLE) ELSE x END")


def ceil_sql(generator: Generator, node: exp.Ceil) -> str:
    return _let(generator, node.this, f"CASE WHEN ABS(x) < {WHOLE} THEN CAST(CEIL(x) AS DOUBLE) ELSE x END")


def round_sql(generator: Generator, node: exp.Round) -> str:
    """On the number itself, as DuckDB rounds; Spark rounds what the number looks like when it is printed."""
    digits = node.args.get("decimals")
    if digits is None:
        return f"ROUND(CAST({generator.sql(node, 'this')} AS DOUBLE))"
    scale = f"POWER(10D, ABS({generator.sql(digits)}))"
    down, back = ("/", "*") if isinstance(digits, exp.Neg) else ("*", "/")
    if isinstance(digits, exp.Literal | exp.Neg):
        rounded = f"ROUND(x {down} {scale}) {back} {scale}"
        return _let(generator, node.this, f"CASE WHEN ABS(x {down} {scale}) <= {LARGEST} THEN {rounded} ELSE x END")
    both = f"NAMED_STRUCT('x', CAST({generator.sql(node, 'this')} AS DOUBLE), 'n', {generator.sql(digits)}, 'by', {scale})"
    return (f"TRANSFORM(ARRAY({both}), r -> CASE WHEN r.n < 0 THEN ROUND(r.x / r.by) * r.by "
            f"WHEN ABS(r.x * r.by) <= {LARGEST} THEN ROUND(r.x * r.by) / r.by ELSE r.x END)[0]")


def array_sql(generator: Generator, node: exp.Array) -> str:
    return f"ARRAY({generator.expressions(node, flat=True)})"


def greatest_sql(generator: Generator, node: exp.Greatest) -> str:
    return _of_several(generator, "GREATEST", node)


def least_sql(generator: Generator, node: exp.Least) -> str:
    return _of_several(generator, "LEAST", node)


def _of_several(generator: Generator, name: str, node: exp.Expression) -> str:
    """Spark wants two arguments at least."""
    arguments = [node.this, *node.expressions]
    return generator.sql(arguments[0]) if len(arguments) == 1 else f"{name}({', '.join(map(generator.sql, arguments))})"


def div_sql(generator: Generator, node: exp.Div) -> str:
    left, right = node.left, node.right
    if not isinstance(right, exp.Nullif) and node.args.get("safe"):
        right = exp.Nullif(this=right.copy(), expression=exp.Literal.number(0))
    return f"{generator.sql(left)} / {generator.sql(right)}"


# Texts and times


def trycast_sql(generator: Generator, node: exp.TryCast) -> str:
    words = generator.sql(node, "this")
    if node.to.is_type("double"):
        return f"TRY_CAST(REPLACE(REGEXP_SUBSTR({words}, '{A_NUMBER}'), '_', '') AS DOUBLE)"
    if node.to.this in (*_CLOCK, exp.DType.TIMESTAMPTZ):
        kind = generator.sql(node.to)
        return f"TRY_CAST(REGEXP_REPLACE(REGEXP_SUBSTR({words}, '{A_TIME}'), '{A_DAY}', '$1-$2-$3 ') AS {kind})"
    return f"TRY_CAST({words} AS {generator.sql(node.to)})"


def attimezone_sql(generator: Generator, node: exp.AtTimeZone) -> str:
    moment, zone = node.this, generator.sql(node, "zone")
    if isinstance(moment, exp.TryCast) and moment.to.this in _CLOCK:  # the clocks of a place -> a moment
        return f"CAST(CONVERT_TIMEZONE({zone}, 'UTC', {generator.sql(moment)}) AS TIMESTAMP)"
    return f"CONVERT_TIMEZONE('UTC', {zone}, CAST({generator.sql(moment)} AS TIMESTAMP_NTZ))"


def regexplike_sql(generator: Generator, node: exp.RegexpLike) -> str:
    return f"{generator.sql(node, 'this')} RLIKE {generator.sql(node, 'expression')}"


def datediff_sql(generator: Generator, node: exp.DateDiff) -> str:
    return f"DATEDIFF({generator.sql(node, 'this')}, {generator.sql(node, 'expression')})"


def join_sql(generator: Generator, node: exp.Join) -> str:
    """A row for each of some days is made where the record is; a join of records and days would move both."""
    made = node.this.this if isinstance(node.this, exp.Subquery) else None
    if isinstance(made, exp.Select) and not made.args.get("from_") and not made.find(exp.Table):
        days = made.expressions[0]
        alias = generator.sql(node.this.args["alias"])
        return f"{generator.seg('LATERAL VIEW')} {generator.sql(days.this)} {alias} AS {generator.sql(days, 'alias')}"
    return str(generator.join_sql(node))


# Aggregates and windows


def argmax_sql(generator: Generator, node: exp.ArgMax) -> str:
    return _by(generator, "MAX_BY", node)


def argmin_sql(generator: Generator, node: exp.ArgMin) -> str:
    return _by(generator, "MIN_BY", node)


def _by(generator: Generator, name: str, node: exp.Expression) -> str:
    return f"{name}({generator.sql(node, 'this')}, {generator.sql(node, 'expression')})"


def ordered_sql(generator: Generator, node: exp.Ordered) -> str:
    """What is ordered here is never NULL; a word about NULL would cost a second sort behind a join."""
    return f"{generator.sql(node, 'this')}{' DESC' if node.args.get('desc') else ''}"


def window_sql(generator: Generator, node: exp.Window) -> str:
    if isinstance(node.this, exp.RowNumber) and not node.args.get("order") and not node.args.get("alias"):
        return "MONOTONICALLY_INCREASING_ID()"  # rises in the order in which rows are read, which is all that is asked
    return str(generator.window_sql(node))


WORDS: Words = {
    **FOR_PEOPLE, **as_any(exp.LastValue, exp.Qualify, exp.Select),
    exp.Literal: literal_sql, exp.Cast: cast_sql, exp.Table: table_sql, exp.DataType: datatype_sql, exp.Anonymous: anonymous_sql,
    exp.Floor: floor_sql, exp.Ceil: ceil_sql, exp.Round: round_sql, exp.Array: array_sql, exp.Greatest: greatest_sql,
    exp.Least: least_sql, exp.Div: div_sql, exp.TryCast: trycast_sql, exp.AtTimeZone: attimezone_sql,
    exp.RegexpLike: regexplike_sql, exp.DateDiff: datediff_sql, exp.Join: join_sql, exp.ArgMax: argmax_sql,
    exp.ArgMin: argmin_sql, exp.Ordered: ordered_sql, exp.Window: window_sql,
}
Readable = with_words(Spark, WORDS)
"""Spark SQL, printed for people."""
