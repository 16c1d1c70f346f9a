"""Steps of changes and builds, each compared with a build from nothing and with the oracle."""

from __future__ import annotations

import random
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import duckdb

from metricsql import ProjectError
from metricsql.api import Project
from metricsql.build import memory, moved, totals, work
from metricsql.plan import affected
from metricsql.project import read_definition
from tests.change_points import held, needs_every_day
from tests.changes.changes_files import FILE_CHANGES
from tests.changes.changes_project import PROJECT_CHANGES
from tests.changes.changes_records import RECORD_CHANGES
from tests.changes.changes_rows import ROW_CHANGES
from tests.changes.changes_tables import TABLE_CHANGES, first_output
from tests.changes.compare import ORDER, TYPE, Difference, differences, oracle_differences, read
from tests.changes.disk import DATABASE, FULL, PROJECT, Disk
from tests.changes.panel import panel_of
from tests.changes.pieces import Change
from tests.changes.start import first_state
from tests.changes.state import State, closure, references
from tests.oracle import evaluate

CHANGES: dict[str, Change] = {**ROW_CHANGES, **FILE_CHANGES, **RECORD_CHANGES, **PROJECT_CHANGES, **TABLE_CHANGES}
USUAL = ("later", "later", "later", "late_rows", "known_late_row", "known_late_row", "change_values")
"""What happens more often than the rest."""
BUILDS = ("plain",) * 16 + ("select", "full", "dry run", "strict", "batches")
KEPT = ("fields", "builds")
"""What a build from nothing is given: the past of the fields, and when it was stored."""


@dataclass(frozen=True)
class Step:
    """Changes by name, each with the seed of its choices, and the build after them: None for no build."""

    changes: tuple[tuple[str, int], ...]
    build: str | None = "plain"
    seed: int = 0


@dataclass(frozen=True)
class Failure:
    """What was wrong after the last of the steps, with the state it was in. `words` tells what each step did."""

    steps: tuple[Step, ...]
    words: tuple[str, ...]
    wrong: tuple[Difference, ...]
    state: State
    error: str | None = None


@dataclass
class Machine:
    """A project in a folder, and what happened to it. `only` leaves out all metrics but some, by number.

    With `loose` the columns of a table may stand in any order, and be of any type. With `points` the models of children
    are held as change points, mostly.
    """

    folder: Path
    seed: int
    only: frozenset[int] | None = None
    loose: bool = False
    points: bool = False
    words: list[str] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk = Disk(self.folder)
        rng = random.Random(self.seed)
        self.state = first_state(rng)
        self.state.output = first_output(rng, self.state)

    def step(self, step: Step, check: bool = True, full: bool = True) -> Failure | None:
        """Change, build, compare. Without `full` only the oracle says what is right, where it can."""
        self.done.append(step)
        told = [words for name, seed in step.changes if (words := CHANGES[name](random.Random(seed), self.state))]
        if step.build is None:
            self.words.append("; ".join(told) or "nothing")
            return None
        self.words.append(f"{'; '.join(told) or 'nothing'} | {step.build} build as of {self.state.as_of}")
        self.disk.write(self.state, self._shown())
        full = check and (full or step.build == "select")
        if full:
            self._prepare_full(bare=step.build != "select" and random.Random(step.seed).random() < 0.4)
        with held(0 if random.Random(step.seed).random() < 0.1 else 1e9) if self.points else nullcontext():
            return self._built(step, check, full)

    def _built(self, step: Step, check: bool, full: bool) -> Failure | None:
        try:
            chosen = self._build(step)
        except Exception as error:  # whatever stops a build of a project without faults is a failure to be told
            return self._failure(
                [], f"{type(error).__name__}: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-3:])}"
            )
        wrong = self._compare(chosen, step.build, full) if check else []
        self.state.store_fields()
        return self._failure(wrong) if wrong else None

    def _shown(self) -> set[str] | None:
        if self.only is None and not self.points:
            return None
        wanted = {metric.id for metric in self.state.metrics if self.only is None or metric.number in self.only}
        shown = closure(self.state, wanted)
        if self.points:  # what keeps a child model from being held as change points, and all that uses it
            for metric in self.state.metrics:
                if (metric.model != "company" and needs_every_day(metric.formula)) or not references(metric.formula) <= shown:
                    shown.discard(metric.id)
        return shown

    def _build(self, step: Step) -> list[str] | None:
        """The build of a step; returns the metrics it was asked for."""
        project = Project(read_definition(self.folder / PROJECT))
        shown = sorted(metric.id for metric in project.definition.metrics)
        rng = random.Random(step.seed)
        chosen = None
        if step.build == "select" and shown:
            chosen = [
                rng.choice(("", "+")) + name + rng.choice(("", "", "+"))
                for name in rng.sample(shown, min(len(shown), 2))
            ]
            self.words[-1] += f" of {chosen}"
        if step.build == "dry run":
            project.build(self.state.as_of, dry_run=True)
        if step.build == "strict":
            with suppress(ProjectError):  # there is nearly always a row that cannot be used; then nothing is written
                project.build(self.state.as_of, strict=True)
        few, short, days = rng.choice(((0.2, 16, 8), (0.2, 16, 8), (0.7, 2, 8), (0.7, 2, 1), (1.0, 2, 0)))
        rest, longest = rng.choice(((3, 6), (1, 4), (0, 2), (30, 60)))
        with _set(memory, "SHARE", 4e-6 if step.build == "batches" else memory.SHARE), \
                _set(moved, "FEW_RECORDS", few), _set(affected, "SHORT", short), _set(work, "DAYS_IN_DAY_FORM", days), \
                _set(totals, "REST", rest), _set(totals, "LONGEST", longest):
            limit = "1GB" if step.build == "batches" else None
            project.build(self.state.as_of, select=chosen, full=step.build == "full", memory_limit=limit)
        return chosen

    def _prepare_full(self, bare: bool) -> None:
        """Copy the database before it is built again; `bare`, with nothing but the past of the fields."""
        database, copy = self.folder / DATABASE, self.folder / f"{FULL}.duckdb"
        copy.unlink(missing_ok=True)
        if database.exists():
            shutil.copyfile(database, copy)
            if bare:
                _strip(copy)

    def _compare(self, chosen: list[str] | None, kind: str, full: bool) -> list[Difference]:
        built = read(self.folder / DATABASE)
        wrong: list[Difference] = []
        if full:
            Project(read_definition(self.folder / f"{FULL}.json")).build(self.state.as_of, select=chosen, full=True)
            wrong = differences(built, read(self.folder / f"{FULL}.duckdb"))
            wrong = [difference for difference in wrong if difference.column not in (ORDER, TYPE) or not self.loose]
        if chosen is None:
            wrong += self._compare_with_oracle(built)
        return wrong

    def _compare_with_oracle(self, built: dict[str, object]) -> list[Difference]:
        panel, shown = panel_of(self.state), self._shown()
        if shown is not None:
            panel = replace(panel, metrics=[metric for metric in panel.metrics if metric.id in shown])
        return oracle_differences(built, {m.id: m.model for m in panel.metrics}, evaluate(panel))  # type: ignore[arg-type]

    def _failure(self, wrong: Sequence[Difference], error: str | None = None) -> Failure:
        return Failure(tuple(self.done), tuple(self.words), tuple(wrong), self.state, error)


@contextmanager
def _set(module: ModuleType, name: str, value: float) -> Iterator[None]:
    """Another measure of what is few, since panels are so small that everything is."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _strip(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables "
            "WHERE table_catalog = current_catalog()"
        ).fetchall()
        for schema, name, kind in tables:
            if schema in ("metrics", "tables") or (schema == "_metricsql" and name not in KEPT):
                connection.execute(f'DROP {kind.removeprefix("BASE ")} "{schema}"."{name}"')


def random_step(rng: random.Random, names: Sequence[str] = tuple(CHANGES)) -> Step:
    """A step: mostly one change, now and then several or none, and mostly the usual build."""
    count = rng.choice((0, 1, 1, 1, 1, 1, 1, 1, 2, 3))
    changes = tuple((rng.choice((*names, *USUAL)), rng.randrange(10**6)) for _ in range(count))
    return Step(changes, rng.choice(BUILDS), rng.randrange(10**6))


@contextmanager
def machine(seed: int, only: frozenset[int] | None = None, loose: bool = False, points: bool = False) -> Iterator[Machine]:
    """A machine in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="metricsql-changes-") as folder:
        yield Machine(Path(folder), seed, only, loose, points)


def first_failure(
    seed: int,
    steps: int,
    full_every: int = 1,
    loose: bool = False,
    names: Sequence[str] = tuple(CHANGES),
    points: bool = False,
) -> Failure | None:
    """Random steps from a seed, until one leaves a difference. Every `full_every`th is compared with a full build."""
    rng = random.Random(f"steps of {seed}")
    with machine(seed, None, loose, points) as made:
        if failure := made.step(Step(())):
            return failure
        for number in range(steps):
            if failure := made.step(random_step(rng, names), full=number % full_every == 0):
                return failure
    return None


def replay(
    seed: int, steps: Sequence[Step], only: frozenset[int] | None = None, loose: bool = False, points: bool = False
) -> Failure | None:
    """The same steps again; only the last one is compared."""
    with machine(seed, only, loose, points) as made:
        for step in steps[:-1]:
            if failure := made.step(step, check=False):
                return failure
        return made.step(steps[-1])
