"""Which names a formula of a model may use, and what they stand for (`docs/semantics.md` section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from metricsql.bind.catalog import Catalog
from metricsql.bind.tree import Field, SeriesRef
from metricsql.diagnostics import Findings, Place, did_you_mean, nearest
from metricsql.project.definition import CALCULATED, NAMESPACE_ALIASES, NAMESPACES, Definition, MetricDef

CUSTOM = "custom."


@dataclass(frozen=True)
class Scope:
    """The names in reach of the formulas of one model."""

    definition: Definition
    catalog: Catalog
    model: str

    @property
    def is_root(self) -> bool:
        return self.definition.models[self.model].company is None

    @property
    def namespaces(self) -> list[str]:
        return list(dict.fromkeys([*NAMESPACES, *self.definition.series]))

    def series(self, text: str, place: Place, findings: Findings) -> SeriesRef | None:
        """The series a name stands for; None with a finding if there can be none."""
        model, rest = self.owner(text)
        if model != self.model and not self.is_root:
            self.addressing(text, model, place, findings)
            return None
        prefix, _, name = rest.partition(".")
        namespace = NAMESPACE_ALIASES.get(prefix, prefix)
        if namespace == CALCULATED and name:
            return self.calculated(model, name, place, findings)
        known = self.definition.series.keys() | set(NAMESPACES)
        if namespace not in known and not (not self.catalog.complete and name):
            self.unknown_prefix(text, rest, prefix, place, findings)
            return None
        if not name:
            findings.error("bad-prop", f"`{text}` names no series; a name follows the prefix `{prefix}.`", place)
            return None
        self.check_data(SeriesRef(model, namespace, name, model != self.model), place, findings)
        return SeriesRef(model, namespace, name, model != self.model)

    def owner(self, text: str) -> tuple[str, str]:
        """The model a name is addressed to, and the rest of the name."""
        first, dot, rest = text.partition(".")
        return (first, rest) if dot and first in self.definition.models else (self.model, text)

    def calculated(self, model: str, name: str, place: Place, findings: Findings) -> SeriesRef | None:
        metrics = {m.id: m for m in self.definition.metrics}
        prefix = "" if model == self.model else f"{model}."
        found = metrics.get(name)
        if found is None:
            near = nearest(name, [m.id for m in self.definition.metrics if m.model == model]) or nearest(name, metrics)
            hint = f"did you mean `{self.spelled(metrics[near])}`?" if near else None
            findings.error("unknown-metric", f"no calculated metric with the id `{name}`", place, hint)
            return None
        if found.model != model:
            hint = f"write `{self.spelled(found)}`" if self.is_root else \
                f"a formula of `{self.model}` reads its own series only"
            findings.error("wrong-model", f"`{name}` is a metric of `{found.model}`, "
                           f"not of `{model}` as `{prefix}{CALCULATED}.{name}` says", place, hint)
            return None
        return SeriesRef(model, CALCULATED, name, model != self.model)

    def spelled(self, metric: MetricDef) -> str:
        return f"{'' if metric.model == self.model else metric.model + '.'}{CALCULATED}.{metric.id}"

    def check_data(self, series: SeriesRef, place: Place, findings: Findings) -> None:
        if self.catalog.names is None or not self.catalog.complete or series.namespace in self.catalog.unread:
            return
        names = self.catalog.names.get((series.model, series.namespace), frozenset())
        if series.name in names:
            return
        where = f" of `{series.model}`" if len(self.definition.models) > 1 else ""
        hint = None
        if series.namespace == "metrics" and series.name in self.catalog.fields.get(series.model, {}):
            hint = f"the field of this name is read with a propertyValue part, `{series.model}.{CUSTOM}{series.name}`"
        elif (near := nearest(series.name, names)) is not None:
            hint = f"did you mean `{series.model + '.' if series.rollup else ''}{series.namespace}.{near}`?"
        elif series.namespace not in self.definition.series:
            hint = f"no source is declared for it: `series: {{{series.namespace}: path}}`"
        elif others := [m for m in self.definition.models
                        if series.name in self.catalog.names.get((m, series.namespace), ())]:
            hint = f"data carries it for `{others[0]}`"
        findings.warn("unknown-series", f"no data carries the series `{series.namespace}.{series.name}`{where} yet",
                      place, hint)

    def unknown_prefix(self, text: str, rest: str, prefix: str, place: Place, findings: Findings) -> None:
        known = [f"{name}." for name in (*self.namespaces, CALCULATED, *NAMESPACE_ALIASES)]
        if self.is_root:
            known += [f"{child}." for child in self.definition.children()]
        if "." not in rest:
            hint: str | None = "the prefixes are " + ", ".join(known)
            if (near := self.name_anywhere(rest)) is not None:
                hint = f"did you mean `{near}`?"
            elif rest in self.catalog.fields.get(self.model, {}):
                hint = f"a field is read with a propertyValue part, `{self.model}.{CUSTOM}{rest}`"
            findings.error("unknown-prefix", f"`{text}` has no prefix that says what kind of series it is", place, hint)
            return
        if rest == text and text.split(".")[1] in (*self.namespaces, CALCULATED, *NAMESPACE_ALIASES):
            models = list(self.definition.models)
            findings.error("unknown-model", f"there is no model `{prefix}`, to which `{text}` would belong", place,
                           did_you_mean(prefix, models) or "the models are " + ", ".join(models))
            return
        if rest.startswith(CUSTOM) or prefix in self.catalog.fields.get(self.model, {}):
            hint = "a field is read with a propertyValue part"
        else:
            near = nearest(f"{prefix}.", known)
            hint = f"did you mean `{near}{rest.partition('.')[2]}`?" if near else "the prefixes are " + ", ".join(known)
        findings.error("unknown-prefix", f"there is no prefix `{prefix}.` in `{text}`", place, hint)

    def name_anywhere(self, name: str) -> str | None:
        for (model, namespace), names in (self.catalog.names or {}).items():
            if model == self.model and name in names:
                return f"{namespace}.{name}"
        return f"{CALCULATED}.{name}" if any(m.id == name for m in self.definition.metrics) else None

    def addressing(self, text: str, model: str, place: Place, findings: Findings) -> None:
        findings.error(
            "wrong-model", f"a formula of `{self.model}` cannot read `{text}`, which belongs to `{model}`", place,
            f"a formula of `{self.model}` reads its own series and fields only; "
            f"a formula of `{self.definition.root}` may read the series of every model below it",
        )

    def field(self, text: str, place: Place, findings: Findings) -> Field | None:
        """The field a name stands for; None with a finding if there can be none."""
        model, rest = self.owner(text)
        if model == self.model and rest != text:
            return self.own_field(text, rest, place, findings)
        if model != self.model:
            findings.error("wrong-model", f"a formula of `{self.model}` cannot read `{text}`, a field of `{model}`", place,
                           "fields are read from the own record only; series of children may be read"
                           if self.is_root else f"a formula of `{self.model}` reads its own series and fields only")
            return None
        prefix = text.partition(".")[0]
        known = self.catalog.fields.get(self.model, {})
        bare = text.removeprefix(CUSTOM)
        if NAMESPACE_ALIASES.get(prefix, prefix) in (*self.namespaces, CALCULATED) and "." in text and bare not in known:
            findings.error("bare-series", f"`{text}` is a series, which has no value without an operation over time",
                           place, f"for the value of the day write `rolling_last({text}, 1)`, in JSON a metricOverTime part")
            return None
        near = bare if bare in known else nearest(bare, known)
        findings.error("unknown-prefix", f"`{text}` does not say whose field it is", place,
                       f"did you mean `{self.model}.{CUSTOM}{near}`?" if near else
                       f"a field is written `{self.model}.{CUSTOM}<name>`")
        return None

    def own_field(self, text: str, rest: str, place: Place, findings: Findings) -> Field | None:
        known = self.catalog.fields.get(self.model, {})
        name = next((n for n in (rest.removeprefix(CUSTOM), rest) if n in known), rest.removeprefix(CUSTOM))
        if name in known:
            return Field(self.model, name, known[name].kind)
        if not self.catalog.complete and name:
            return Field(self.model, name, "unknown")
        near = nearest(name, known)
        findings.error("unknown-field", f"neither the records nor the stored history of `{self.model}` "
                       f"know a field `{name}`", place,
                       f"did you mean `{self.model}.{CUSTOM}{near}`?" if near else _listing(known))
        return None


def _listing(known: Iterable[str]) -> str | None:
    names = list(known)
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return f"the fields are {shown}{' ...' if len(names) > 8 else ''}" if names else None


__all__ = ["Scope", "did_you_mean"]
