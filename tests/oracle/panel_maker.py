"""Random projects that are awkward on purpose: docs/semantics.md sections 1, 2, 5 and 7 at their edges.

Numbers are small integers, quarters and a few powers of two, so that sums are exact in any order; see `formula_maker` for what that
is good for. Compare results with a relative and an absolute tolerance of 1e-9.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from .formula_maker import MODELS, random_formula
from .model import Metric, Panel, Point, Record, Value

NAMES: dict[str, tuple[str, ...]] = {
    "activities": ("Login", "login", "v2.export", "2024", 'it\'s; "q" --'),
    "metrics": ("nps", "NPS", "Process Runs", "report downloads", "x'); drop table t; --"),
    "conversations": ("chat", "Chat", "never sent"),
    "tasks": ("todo", "To.Do"),
    "system": ("health",),
    "revenue": ("mrr",),
    "email_events": ("sent", 'say ""hi""'),
}
COMPANY_KEYS = ("a", "A", "007", "7", "O'Brien; --", 'the "b"', "ünï", "co,mma")
CHILD_KEYS = ("a", "e1", "E1", "007", "it's", 'x "y"; z')
NUMBERS = (0, 0, 1, 1, 2, 3, 5, 7, 10, 12, -1, -4, 0.25, 0.5, 1.75, -2.5, 65536, 0.015625)
NUMBER_FIELDS = ("seats", "Seats", "No of companies", 'it\'s; "x"')
TEXT_FIELDS = ("Currency", "currency")
FIELD_TEXTS = ("USD", "usd", "EUR", "it's", 'a "b"; c', "O'Brien", "", None)
LAST_DAYS = (date(2024, 3, 2), date(2025, 1, 3), date(2025, 4, 1), date(2025, 12, 31))
HOURS = (time(0, 0), time(9, 30), time(9, 30), time(23, 59, 59))
ALIASES = {"metrics": "custom", "conversations": "conversation", "tasks": "task"}


class PanelMaker:
    """Makes one panel; every choice comes from the given random source."""

    def __init__(self, rng: random.Random, *, metrics: int, days: int, companies: int, depth: int) -> None:
        self._rng = rng
        self._metric_count = metrics
        self._days = days
        self._depth = depth
        self._as_of = rng.choice(LAST_DAYS)
        self._models = self._make_models(companies)

    def panel(self) -> Panel:
        """The panel."""
        rng = self._rng
        settings = [*NAMES, *(f"{space}.{name}" for space, names in NAMES.items() for name in names)]
        zeros = ["metrics", *(f"metrics.{name}" for name in NAMES["metrics"])]
        return Panel(
            models=self._models,
            points=self._points(),
            metrics=self._metrics(),
            as_of=self._as_of,
            start=rng.choice((None, None, self._day(0, self._days // 2), self._as_of - timedelta(days=self._days + 9))),
            collapse={key: rng.choice(("sum", "min", "max", "avg", "last")) for key in rng.sample(settings, rng.randint(0, 6))},
            zeros_missing=set(rng.sample(zeros, rng.choice((0, 0, 1, 2)))),
            trend=rng.choice(("ratio", "difference", "change")),
            fields_before_tracking=rng.choice(("empty", "constant")),
            history=self._history(),
        )

    def _day(self, newest: int, oldest: int) -> date:
        """A day between `oldest` and `newest` days before the as-of day."""
        return self._as_of - timedelta(days=self._rng.randint(newest, oldest))

    # Records and their fields

    def _make_models(self, companies: int) -> dict[str, dict[str, Record]]:
        keys = self._rng.sample(COMPANY_KEYS, min(companies, len(COMPANY_KEYS)))
        models = {"company": {key: self._record(key, None) for key in keys}}
        for model, most in (("enduser", 6), ("asset", 1), ("project", 3)):
            chosen = self._rng.sample(CHILD_KEYS, self._rng.randint(1, most))
            # Most children belong to the first companies, so that some companies have several and some have none.
            models[model] = {key: self._record(key, self._rng.choice((*keys[:2], *keys[:2], *keys, None, "ghost"))) for key in chosen}
        for records in models.values():
            # A field of texts is a text only when it has one that is no number.
            first = next(iter(records.values()))
            first.fields.update({name: "USD" for name in TEXT_FIELDS})
        return models

    def _record(self, key: str, company: str | None) -> Record:
        since = self._rng.choice(
            (None, None, None, self._day(0, self._days), self._as_of - timedelta(days=400), self._as_of + timedelta(days=5))
        )
        fields = {name: self._field_number() for name in NUMBER_FIELDS} | {name: self._rng.choice(FIELD_TEXTS) for name in TEXT_FIELDS}
        return Record(key, fields, company, since)

    def _field_number(self) -> Value:
        number = self._rng.choice((*NUMBERS, None))
        return str(number) if number is not None and self._rng.random() < 0.2 else number

    def _history(self) -> list[tuple[str, str, str, date, Value]]:
        # Once in a while the newest stored day is after the as-of day: then nothing new is stored.
        newest = -3 if self._rng.random() < 0.2 else 0
        rows: list[tuple[str, str, str, date, Value]] = []
        for _ in range(self._rng.choice((0, 0, 4, 30))):
            model = self._rng.choice(MODELS)
            key = self._rng.choice((*self._models[model], "left long ago"))
            if self._rng.random() < 0.3:
                rows.append((model, key, self._rng.choice(TEXT_FIELDS), self._day(newest, self._days + 5), self._rng.choice(FIELD_TEXTS)))
            else:
                rows.append((model, key, self._rng.choice(NUMBER_FIELDS), self._day(newest, self._days + 5), self._field_number()))
        # Two values of one day would be a question about the order of the file; one row a day is what a history is.
        return list({row[:4]: row for row in rows}.values())

    # Points

    def _points(self) -> list[Point]:
        points = [
            point
            for model in MODELS
            for key in self._models[model]
            for space, names in NAMES.items()
            for name in names
            if name != "never sent" and self._rng.random() < 0.6
            for point in self._series_points(space, name, model, key)
        ]
        points += [Point(space, names[0], self._moment(self._day(0, 5)), 3.0, {"company": "ghost"}) for space, names in NAMES.items()]
        self._rng.shuffle(points)
        return points

    def _series_points(self, space: str, name: str, model: str, key: str) -> list[Point]:
        """The rows of one series of one record: gaps, several rows a day, rows before the grid and after the as-of day."""
        density = self._rng.choice((0.05, 0.3, 0.7))
        points = []
        for back in range(-3, self._days + 6):
            if self._rng.random() >= density:
                continue
            for _ in range(self._rng.choice((1, 1, 1, 2, 3))):
                value = None if self._rng.random() < 0.15 else float(self._rng.choice(NUMBERS))
                records = {model: key} | (self._more_records(model) if space == "activities" else {})
                points.append(Point(space, name, self._moment(self._as_of - timedelta(days=back)), value, records))
        return points

    def _more_records(self, model: str) -> dict[str, str]:
        """Other records that an activity names: often none, now and then its company, a stranger or a child of another company."""
        others = [other for other in MODELS if other != model and self._rng.random() < 0.25]
        return {other: self._rng.choice((*self._models[other], *self._models[other], "ghost")) for other in others}

    def _moment(self, day: date) -> datetime | date:
        return day if self._rng.random() < 0.2 else datetime.combine(day, self._rng.choice(HOURS))

    # Metrics

    def _metrics(self) -> list[Metric]:
        """Metrics over all models; a metric may use those made before it, and their order in the project is shuffled."""
        rng = self._rng
        made: list[Metric] = []
        rough: set[str] = set()
        for number in range(self._metric_count):
            # Children first, so that companies have child metrics to use; then at random, with a preference for companies.
            model = ("enduser", "asset", "project", "company")[number] if number < 4 else rng.choice((*MODELS, "company", "company"))
            exact = rng.random() < 0.4
            usable = {name: metric.id for name, metric in self._calculated(model, made)}
            # Several copies give the few calculated series a chance among the many sent ones.
            names = self._sent(model) + [name for name in usable for _ in range(4)]
            formula = random_formula(
                rng,
                series=names,
                fields=[f"{model}.custom.{field}" for field in NUMBER_FIELDS],
                text_fields=[f"{model}.custom.{field}" for field in TEXT_FIELDS],
                depth=rng.randint(0, self._depth),
                exact=exact,
                rough={name for name, metric_id in usable.items() if metric_id in rough},
            )
            metric = Metric(f"m{number}", formula, model, rng.random() < 0.3, self._where(model))
            made.append(metric)
            if not exact:
                rough.add(metric.id)
        rng.shuffle(made)
        return made

    def _sent(self, model: str) -> list[str]:
        """The sent series a formula of a model may use, in any of their spellings."""
        prefixes = {other: f"{other}." for other in (MODELS if model == "company" else (model,))}
        names = []
        for space, series in NAMES.items():
            for name in series:
                for other, prefix in prefixes.items():
                    own = self._rng.random() < 0.8 and other == model
                    written = ALIASES.get(space, space) if self._rng.random() < 0.2 else space
                    names.append(f"{'' if own else prefix}{written}.{name}")
        return names

    @staticmethod
    def _calculated(model: str, made: Sequence[Metric]) -> list[tuple[str, Metric]]:
        """The calculated series a formula of a model may use: its own and, for companies, those of the children."""
        own = [(f"calculated.{metric.id}", metric) for metric in made if metric.model == model]
        children = [(f"{metric.model}.calculated.{metric.id}", metric) for metric in made if model == "company" != metric.model]
        return own + children

    def _where(self, model: str) -> set[str] | None:
        keys = sorted(self._models[model])
        return None if self._rng.random() < 0.7 else set(self._rng.sample(keys, self._rng.randint(0, len(keys))))


def random_panel(rng: random.Random, *, metrics: int = 8, days: int = 20, companies: int = 3, depth: int = 3) -> Panel:
    """A random awkward panel: `metrics` metrics of up to `depth` nested groups over a grid of about `days` days."""
    return PanelMaker(rng, metrics=metrics, days=days, companies=companies, depth=depth).panel()
