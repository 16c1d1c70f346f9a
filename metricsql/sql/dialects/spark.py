"""How Spark's SQL is printed (Spark 4, ANSI mode, session time zone UTC). Only what differs, each with its reason.

The steps are the same trees that are printed for DuckDB. What is written here follows from facts about Spark:

* a literal such as `1.07` is a DECIMAL, whose arithmetic rounds otherwise: it is marked as a DOUBLE;
* FLOOR, CEIL and ROUND turn numbers into whole ones of 64 bits, or fail beyond: larger numbers stay as they are;
* texts that are no number or no time for DuckDB may be one for Spark (`1d`, `2025`, `now`): they are sorted out before;
* a function that makes rows cannot stand inside an expression; a row number needs an order.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.spark import Spark as Base

from metricsql.sql.dialects.readable import ForPeople

NAME = "spark"
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
_OWN = (exp.TryCast, exp.AtTimeZone, exp.Floor, exp.Ceil, exp.Round, exp.Array, exp.Greatest, exp.Least, exp.Div,
        exp.RegexpLike, exp.DateDiff, exp.ArgMax, exp.ArgMin, exp.LastValue, exp.Qualify, exp.Select)
"""What has a method below, or is printed as sqlglot prints it for any engine; its table for Spark would come first."""


class Readable(Base):
    """Spark SQL, printed for people."""

    class Generator(ForPeople, Base.Generator):  # type: ignore[misc, valid-type]
        """The methods are called by the name of the kind of node."""

        TRANSFORMS = {kind: how for kind, how in Base.Generator.TRANSFORMS.items() if kind not in _OWN}
        TYPE_MAPPING = {**Base.Generator.TYPE_MAPPING, exp.DType.TIMESTAMP: "TIMESTAMP_NTZ", exp.DType.TIMESTAMPTZ: "TIMESTAMP",
                        exp.DType.VARCHAR: "STRING", exp.DType.TEXT: "STRING"}

        # Names and literals

        def literal_sql(self, expression: exp.Literal) -> str:
            written = str(super().literal_sql(expression))
            is_whole = expression.is_string or written.isdigit()
            return written if is_whole else f"{written}D"

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            value = expression.this
            if isinstance(value, exp.Unnest) or (isinstance(value, exp.Anonymous) and value.name.upper() == "UNNEST"):
                return str(self.sql(value))  # a sequence of dates is made of dates
            return str(super().cast_sql(expression, safe_prefix))

        def table_parts(self, expression: exp.Table) -> str:
            """What DuckDB's file holds is a temporary view here, and those have no schema."""
            if expression.db in KEPT_SCHEMAS:
                return str(self.sql(exp.to_identifier(f"{expression.db}.{expression.name}", quoted=True)))
            return str(super().table_parts(expression))

        # Numbers

        def anonymous_sql(self, expression: exp.Anonymous) -> str:
            name, arguments = expression.name.upper(), expression.expressions
            if name == "ISFINITE":
                return f"ABS({self.sql(arguments[0])}) <= {LARGEST}"
            if name in ("LIST_SUM", "LIST_AVG"):
                return self._over_list(name, arguments[0])
            if name == "LIST_DISTINCT":  # which leaves NULL out
                return f"ARRAY_COMPACT(ARRAY_DISTINCT({self.sql(arguments[0])}))"
            plain = {"GENERATE_SERIES": "SEQUENCE", "UNNEST": "EXPLODE", "MOMENT": "STRUCT"}.get(name, expression.name)
            return f"{plain}({', '.join(self.sql(argument) for argument in arguments)})"

        def _over_list(self, name: str, values: exp.Expression) -> str:
            """The sum or mean of the values that are there; NULL without any."""
            items = f"CAST({self.sql(values)} AS ARRAY<DOUBLE>)"
            if name == "LIST_SUM":
                return f"AGGREGATE({items}, CAST(NULL AS DOUBLE), (s, x) -> COALESCE(s + x, s, x))"
            return (f"AGGREGATE(ARRAY_COMPACT({items}), NAMED_STRUCT('s', 0D, 'n', 0), (a, x) -> NAMED_STRUCT('s', a.s + x, 'n', a.n + 1), "
                    "a -> a.s / NULLIF(a.n, 0))")

        def _let(self, value: exp.Expression, template: str) -> str:
            """A template that mentions a value several times, which is computed once."""
            return f"TRANSFORM(ARRAY(CAST({self.sql(value)} AS DOUBLE)), x -> {template})[0]"

        def floor_sql(self, expression: exp.Floor) -> str:
            return self._let(expression.this, f"CASE WHEN ABS(x) < {WHOLE} THEN CAST(FLOOR(x) AS DOUBLE) ELSE x END")

        def ceil_sql(self, expression: exp.Ceil) -> str:
            return self._let(expression.this, f"CASE WHEN ABS(x) < {WHOLE} THEN CAST(CEIL(x) AS DOUBLE) ELSE x END")

        def round_sql(self, expression: exp.Round) -> str:
            """On the number itself, as DuckDB rounds; Spark rounds what the number looks like when it is printed."""
            digits = expression.args.get("decimals")
            if digits is None:
                return f"ROUND(CAST({self.sql(expression, 'this')} AS DOUBLE))"
            scale = f"POWER(10D, ABS({self.sql(digits)}))"
            down, back = ("/", "*") if isinstance(digits, exp.Neg) else ("*", "/")
            if isinstance(digits, exp.Literal | exp.Neg):
                rounded = f"ROUND(x {down} {scale}) {back} {scale}"
                return self._let(expression.this, f"CASE WHEN ABS(x {down} {scale}) <= {LARGEST} THEN {rounded} ELSE x END")
            both = f"NAMED_STRUCT('x', CAST({self.sql(expression, 'this')} AS DOUBLE), 'n', {self.sql(digits)}, 'by', {scale})"
            return (f"TRANSFORM(ARRAY({both}), r -> CASE WHEN r.n < 0 THEN ROUND(r.x / r.by) * r.by "
                    f"WHEN ABS(r.x * r.by) <= {LARGEST} THEN ROUND(r.x * r.by) / r.by ELSE r.x END)[0]")

        def array_sql(self, expression: exp.Array) -> str:
            return f"ARRAY({self.expressions(expression, flat=True)})"

        def greatest_sql(self, expression: exp.Greatest) -> str:
            return self._of_several("GREATEST", expression)

        def least_sql(self, expression: exp.Least) -> str:
            return self._of_several("LEAST", expression)

        def _of_several(self, name: str, expression: exp.Expression) -> str:
            """Spark wants two arguments at least."""
            arguments = [expression.this, *expression.expressions]
            return self.sql(arguments[0]) if len(arguments) == 1 else f"{name}({', '.join(map(self.sql, arguments))})"

        def div_sql(self, expression: exp.Div) -> str:
            left, right = expression.left, expression.right
            if not isinstance(right, exp.Nullif) and expression.args.get("safe"):
                right = exp.Nullif(this=right.copy(), expression=exp.Literal.number(0))
            return f"{self.sql(left)} / {self.sql(right)}"

        # Texts and times

        def trycast_sql(self, expression: exp.TryCast) -> str:
            words = self.sql(expression, "this")
            if expression.to.is_type("double"):
                return f"TRY_CAST(REPLACE(REGEXP_SUBSTR({words}, '{A_NUMBER}'), '_', '') AS DOUBLE)"
            if expression.to.this in (*_CLOCK, exp.DType.TIMESTAMPTZ):
                kind = self.sql(expression.to)
                return f"TRY_CAST(REGEXP_REPLACE(REGEXP_SUBSTR({words}, '{A_TIME}'), '{A_DAY}', '$1-$2-$3 ') AS {kind})"
            return f"TRY_CAST({words} AS {self.sql(expression.to)})"

        def attimezone_sql(self, expression: exp.AtTimeZone) -> str:
            moment, zone = expression.this, self.sql(expression, "zone")
            if isinstance(moment, exp.TryCast) and moment.to.this in _CLOCK:  # the clocks of a place -> a moment
                return f"CAST(CONVERT_TIMEZONE({zone}, 'UTC', {self.sql(moment)}) AS TIMESTAMP)"
            return f"CONVERT_TIMEZONE('UTC', {zone}, CAST({self.sql(moment)} AS TIMESTAMP_NTZ))"

        def regexplike_sql(self, expression: exp.RegexpLike) -> str:
            return f"{self.sql(expression, 'this')} RLIKE {self.sql(expression, 'expression')}"

        def datediff_sql(self, expression: exp.DateDiff) -> str:
            return f"DATEDIFF({self.sql(expression, 'this')}, {self.sql(expression, 'expression')})"

        def join_sql(self, expression: exp.Join) -> str:
            """A row for each of some days is made where the record is; a join of records and days would move both."""
            made = expression.this.this if isinstance(expression.this, exp.Subquery) else None
            if isinstance(made, exp.Select) and not made.args.get("from_") and not made.find(exp.Table):
                days = made.expressions[0]
                alias = self.sql(expression.this.args["alias"])
                return f"{self.seg('LATERAL VIEW')} {self.sql(days.this)} {alias} AS {self.sql(days, 'alias')}"
            return str(super().join_sql(expression))

        # Aggregates and windows

        def argmax_sql(self, expression: exp.ArgMax) -> str:
            return self._by("MAX_BY", expression)

        def argmin_sql(self, expression: exp.ArgMin) -> str:
            return self._by("MIN_BY", expression)

        def _by(self, name: str, expression: exp.Expression) -> str:
            return f"{name}({self.sql(expression, 'this')}, {self.sql(expression, 'expression')})"

        def ordered_sql(self, expression: exp.Ordered) -> str:
            """What is ordered here is never NULL; a word about NULL would cost a second sort behind a join."""
            return f"{self.sql(expression, 'this')}{' DESC' if expression.args.get('desc') else ''}"

        def window_sql(self, expression: exp.Window) -> str:
            if isinstance(expression.this, exp.RowNumber) and not expression.args.get("order") and not expression.args.get("alias"):
                return "MONOTONICALLY_INCREASING_ID()"  # rises in the order in which rows are read, which is all that is asked
            return str(super().window_sql(expression))

