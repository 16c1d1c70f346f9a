"""From executions to measures: the first steps of an output table.

Executions are added up per event and period straight from the ledger; the grid of periods goes from the first
execution to the last one or to the as-of day; then each measure is a column of the grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundLedger
from metricsql.plan.periods import STATES, PeriodPlan
from metricsql.sql import syntax
from metricsql.sql.sources import as_number, as_text, instant, local_time, source_steps, with_position
from metricsql.sql.steps import Step, statement

START, END, PARTIAL, NUMBER, SEGMENT = "period start", "period end", "is partial", "period number", "segment name"
"""Columns of the grid. The keys of rows have no spaces, so none of them can be mistaken for one of these."""
BY_PERIOD = "executions by period"
PERIODS, GATHERED, MEASURES, STATE_STEP = "periods", "items of periods", "measures", "states"
OF_ITEMS = "of items"
_STEP = {"15min": "15 MINUTE", "30min": "30 MINUTE", "hour": "1 HOUR", "day": "1 DAY", "week": "7 DAY",
         "month": "1 MONTH", "quarter": "3 MONTH", "year": "1 YEAR"}
FRACTIONS = {"15min": 1 / 96, "30min": 1 / 48, "hour": 1 / 24}
"""Days in a period that is shorter than a day."""
_AGGREGATES = {
    "sum": 'CASE WHEN ISFINITE(SUM("value")) THEN SUM("value") END',
    "average": 'CASE WHEN ISFINITE(AVG("value")) THEN AVG("value") END',
    "min": 'MIN("value")', "max": 'MAX("value")', "count": "COUNT(*)",
    "last": 'ARG_MAX("value", "order")',
}


@dataclass(frozen=True)
class Calendar:
    """How time is cut into periods, and through which day data is complete."""

    interval: str
    fiscal_year_start: int
    as_of: date

    def start(self, time: str) -> str:
        """The start of the period that holds a time."""
        return self.bucket(self.interval, time)

    def bucket(self, interval: str, time: str) -> str:
        """The start of the period of another interval that holds a time."""
        match interval:
            case "15min" | "30min":
                return f"TIME_BUCKET(INTERVAL {_STEP[interval]}, {time})"
            case ("quarter" | "year") if self.fiscal_year_start > 1:
                shift = f"INTERVAL {self.fiscal_year_start - 1} MONTH"
                return f"DATE_TRUNC('{interval}', DATE_TRUNC('month', {time}) - {shift}) + {shift}"
        return f"DATE_TRUNC('{interval}', {time})"

    @property
    def step(self) -> str:
        """The length of a period."""
        return f"INTERVAL {_STEP[self.interval]}"

    @property
    def year_ago(self) -> str:
        """How far the same period of the year before lies back."""
        return "INTERVAL 364 DAY" if self.interval == "week" else "INTERVAL 1 YEAR"


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text literal."""
    plain = "'" + value.replace("'", "''") + "'"
    return plain if "\0" not in value else "(" + plain.replace("\0", "' || CHR(0) || '") + ")"


def number(value: float) -> str:
    """A number literal of the type DOUBLE."""
    return f"CAST({syntax.render(syntax.number(value))} AS DOUBLE)"


# Executions


def ledger_steps(name: str, ledger: BoundLedger, zone: str, ordered: bool) -> list[Step]:
    """`event, time, value` of every usable execution; with `ordered` also `order`, which tells the last one."""
    before, table = source_steps(ledger.source, f"{name} source", "Executions, as the project reads them.")
    time = local_time(ledger.time, zone)
    if ledger.time.type != "TIMESTAMP":
        time = exp.cast(time, "timestamp")
    chosen = [f'{_sql(as_text(ledger.event))} AS "event"', f'{_sql(time)} AS "time"',
              f'{_sql(as_number(ledger.value))} AS "value"']
    if ordered:
        table, position = with_position(ledger.source, table)
        chosen.append(f'{order_key(_sql(instant(ledger.time, zone)), _sql(position))} AS "order"')
    query = "SELECT\n  " + ",\n  ".join(chosen) + f"\nFROM {_sql(table)} AS s"
    return [*before, Step(name, "Every execution, with its time on the clocks of the project.", query)]


def order_key(time: str, position: str) -> str:
    """One number that orders executions by time, then by their place in the source; cheaper than a pair."""
    return f"CAST(EPOCH_US(CAST({time} AS TIMESTAMP)) AS HUGEINT) * 1099511627776 * 1048576 + {position}"


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)


def events_of(ledger: BoundLedger) -> str:
    """The names of all events of a ledger."""
    before, table = source_steps(ledger.source, "source", "")
    event = _sql(as_text(ledger.event))
    query = f"SELECT DISTINCT {event} AS \"event\"\nFROM {_sql(table)} AS s\nWHERE {event} <> ''"
    return statement([*before, Step("events", "", query)])


def unusable_executions(ledger: BoundLedger, zone: str, examples: int) -> str:
    """`reason, count, examples` of the rows of a ledger that cannot be used."""
    before, table = source_steps(ledger.source, "source", "")
    event, time, value = _sql(as_text(ledger.event)), _sql(local_time(ledger.time, zone)), _sql(as_number(ledger.value))
    words = {"date": _sql(as_text(ledger.time)), "value": _sql(as_text(ledger.value))}
    tests = {"date": f"{time} IS NULL OR NOT ({_sql(syntax.in_calendar(exp.cast(local_time(ledger.time, zone), 'date')))})",
             "value": f"{value} IS NULL OR NOT ISFINITE({value})", "event": f"{event} IS NULL OR {event} = ''"}
    cases = " ".join(f"WHEN {test} THEN '{reason}'" for reason, test in tests.items())
    culprits = " ".join(f"WHEN {tests[reason]} THEN LEFT({text}, 60)" for reason, text in words.items())
    rows = f"SELECT CASE {cases} END AS \"reason\", CASE {culprits} END AS \"culprit\"\nFROM {_sql(table)} AS s"
    query = (f'SELECT "reason", COUNT(*), (LIST(DISTINCT "culprit" ORDER BY "culprit"))[1:{examples}]\nFROM (\n{rows}\n) AS r\n'
             'WHERE "reason" IS NOT NULL\nGROUP BY "reason"\nORDER BY "reason"')
    return statement([*before, Step("unusable", "", query)])


USABLE = """"event" <> ''
  AND ISFINITE("value")
  AND "time" BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 00:00:00'"""
"""The condition on executions that count."""


def by_period_steps(executions: Mapping[str, str], plan: PeriodPlan, calendar: Calendar, segmented: bool) -> list[Step]:
    """`source, event, [segment name], period start, <aggregates>...`: the only step that goes through all executions.

    `executions` has the step with the executions of every source.
    """
    wanted = [name for name in _AGGREGATES if name in needs(plan)]
    columns = [f'{calendar.start(quoted("time"))} AS {quoted(START)}', *([quoted(SEGMENT)] if segmented else []),
               *(f"{_AGGREGATES[name]} AS {quoted(name)}" for name in wanted)]
    parts = []
    for source, step in executions.items():
        chosen = ",\n  ".join([f'{literal(source)} AS "source"', '"event"', *columns])
        parts.append(f"SELECT\n  {chosen}\nFROM {quoted(step)}\nWHERE {USABLE}\nGROUP BY ALL")
    return [Step(BY_PERIOD, "What the executions of each event come to in each period.", "\nUNION ALL BY NAME\n".join(parts))]


def needs(plan: PeriodPlan) -> set[str]:
    """The aggregates that the measures of a plan are made of."""
    return {"last" if option in STATES else option for option in plan.options()}


def executions_query(step: str, segmented: bool, ordered: bool) -> str:
    """`time, value` of the usable executions of an event before a time (two parameters), and of a segment (a third)."""
    segment = f"\n  AND {quoted(SEGMENT)} = ?" if segmented else ""
    order = '"order"' if ordered else '"time"'
    return (f'SELECT "time", "value"\nFROM {quoted(step)}\nWHERE {USABLE}\n  AND "event" = ?\n  AND "time" < ?{segment}\n'
            f"ORDER BY {order}")


# The grid


def periods_step(calendar: Calendar, extra: Mapping[str, str], segmented: bool) -> Step:
    """`period start, period end, is partial, period number, ...`: every period, also those without an execution.

    `extra` are further columns over the start of the period.
    """
    last = f"TIMESTAMP '{calendar.as_of.isoformat()} 23:59:59.999999'"
    next_day = f"(DATE '{calendar.as_of.isoformat()}' + INTERVAL 1 DAY)"
    series = (f"SELECT UNNEST(GENERATE_SERIES(MIN({quoted(START)}), GREATEST(MAX({quoted(START)}), {calendar.start(last)}), "
              f"{calendar.step})) AS {quoted(START)}\n  FROM {quoted(BY_PERIOD)}")
    end = f"{quoted(START)} + {calendar.step}"
    columns = [quoted(START), f"{end} AS {quoted(END)}", f"{end} > {next_day} AS {quoted(PARTIAL)}",
               f"ROW_NUMBER() OVER (ORDER BY {quoted(START)}) AS {quoted(NUMBER)}",
               *(f"{sql} AS {quoted(label)}" for label, sql in extra.items())]
    query = "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM (\n  {series}\n) AS every"
    comment = "Every period from the first execution to the as-of day, or to the last execution."
    if segmented:
        query = (f"SELECT every.*, segments.{quoted(SEGMENT)}\nFROM (\n{query}\n) AS every\nCROSS JOIN (\n  SELECT DISTINCT "
                 f"{quoted(SEGMENT)}\n  FROM {quoted(BY_PERIOD)}\n) AS segments")
    return Step(PERIODS, comment, query)


def measure_steps(plan: PeriodPlan, segmented: bool) -> list[Step]:
    """One column per measure, by the rules of its display option."""
    if not plan.measures:
        return [Step(MEASURES, "Every period.", f"SELECT *\nFROM {quoted(PERIODS)}")]
    used = list(dict.fromkeys(measured.item for measured in plan.measures.values()))
    places = {item: place for place, item in enumerate(used, 1)}
    raw: dict[str, str] = {}
    for label, measured in plan.measures.items():
        aggregate = "last" if measured.option in STATES else measured.option
        value = f"{quoted(OF_ITEMS)}[{places[measured.item]}].{quoted(aggregate)}"
        if aggregate == "count":
            value = f"CAST(COALESCE({value}, 0) AS DOUBLE)"
        raw[f"{plan.items[measured.item]} last" if aggregate == "last" else label] = value
    columns = [f"* EXCLUDE ({quoted(OF_ITEMS)})", *(f"{sql} AS {quoted(label)}" for label, sql in raw.items())]
    side = "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {quoted(GATHERED)}"
    steps = [_gathered(plan, used, segmented), Step(MEASURES, "The measures of every period, side by side.", side)]
    return steps + _state_steps(plan, steps[-1].name, segmented)


def _gathered(plan: PeriodPlan, used: Sequence[int], segmented: bool) -> Step:
    """Every period with a list of what the executions of each item come to, in the order of `used`."""
    lines = []
    for place, number_ in enumerate(used, 1):
        item = plan.table.items[number_]
        lines.append(f"({place}, {literal(item.source)}, {literal(item.event or plan.items[number_])})")
    parts = ", ".join(f"{quoted(name)}: x.{quoted(name)}" for name in _AGGREGATES if name in needs(plan))
    on = ['x."source" = i."source"', 'x."event" = i."event"', f"x.{quoted(START)} = p.{quoted(START)}",
          *([f"x.{quoted(SEGMENT)} = p.{quoted(SEGMENT)}"] if segmented else [])]
    items = ",\n    ".join(lines)
    query = (f'SELECT\n  p.*,\n  LIST({{{parts}}} ORDER BY i."place") AS {quoted(OF_ITEMS)}\nFROM {quoted(PERIODS)} AS p\n'
             f'CROSS JOIN (\n  VALUES\n    {items}\n) AS i("place", "source", "event")\n'
             f"LEFT JOIN {quoted(BY_PERIOD)} AS x\n  ON " + "\n  AND ".join(on) + "\nGROUP BY ALL")
    return Step(GATHERED, "What the executions of the period come to, item by item.", query)


def _state_steps(plan: PeriodPlan, source: str, segmented: bool) -> list[Step]:
    """Ending, starting and change, where they are asked for."""
    states = {label: measured for label, measured in plan.measures.items() if measured.option in STATES}
    if not states:
        return []
    endings, others = {}, {}
    for label, measured in states.items():
        item, last = plan.table.items[measured.item], quoted(f"{plan.items[measured.item]} last")
        state = f'LAST_VALUE({last} IGNORE NULLS) OVER "so far"' if item.kind == "stock" else last
        opening = None if item.opening is None else number(item.opening)
        ending = plan.ending(measured.item)
        endings[ending] = f"COALESCE({state}, {opening})" if item.kind == "stock" and opening else state
        starting = f'LAG({quoted(ending)}{f", 1, {opening}" if opening else ""}) OVER "in order"'
        if measured.option == "starting":
            others[label] = starting
        if measured.option == "change":
            difference = f"{quoted(ending)} - {starting}"
            others[label] = f"CASE WHEN ISFINITE({difference}) THEN {difference} END"
    windows = named_windows({"so far": "ROWS UNBOUNDED PRECEDING", "in order": ""}, segmented)
    used = [name for name in windows if any(f'OVER "{name}"' in sql for sql in endings.values())]
    comment = "The state at the end of each period; a stock carries the last one on."
    steps = [Step(STATE_STEP, comment, replaced(source, {}, endings, {name: windows[name] for name in used}))]
    if others:
        steps.append(Step("changes", "The state at the start of each period, and the change in it.",
                          replaced(STATE_STEP, {}, others, {"in order": windows["in order"]})))
    return steps


# Pieces of queries


def replaced(source: str, again: Mapping[str, str], added: Mapping[str, str],
             windows: Mapping[str, str] | None = None) -> str:
    """All columns of a step, some of them computed again, and further ones."""
    star = "*"
    if again:
        star = "* REPLACE (\n    " + ",\n    ".join(f"{sql} AS {quoted(label)}" for label, sql in again.items()) + "\n  )"
    columns = [star, *(f"{sql} AS {quoted(label)}" for label, sql in added.items())]
    query = "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {quoted(source)}"
    if windows:
        query += "\nWINDOW\n  " + ",\n  ".join(f"{quoted(name)} AS ({sql})" for name, sql in windows.items())
    return query


def named_windows(frames: Mapping[str, str], segmented: bool,
                  partitions: Mapping[str, Sequence[str]] | None = None) -> dict[str, str]:
    """Window definitions in the order of time, per segment; `partitions` are further columns to part by."""
    found = {}
    for name, frame in frames.items():
        parts = [SEGMENT] * segmented + list((partitions or {}).get(name, ()))
        partition = f"PARTITION BY {', '.join(map(quoted, parts))} " if parts else ""
        found[name] = f"{partition}ORDER BY {quoted(START)} {frame}".rstrip()
    return found
