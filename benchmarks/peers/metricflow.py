"""MetricFlow's own SQL: the package plans and renders one query per metric from a semantic manifest, DuckDB runs it.

MetricFlow has no connection to DuckDB of its own, but it has a renderer for it; `_Client` is the little that it asks of a
connection in order to explain a query. Its windows read daily rows, so the raw rows are collapsed into one table per
namespace first, as a dbt model would do. Only what it can express is here: sums, means, extremes and counts over windows and
over everything, looks at an earlier day, and arithmetic on them; no carried values (LAST), no days since, no windows over
calculated metrics, no fields inside arithmetic.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.data import SERIES, START
from benchmarks.peers.window_queries import collapsed
from benchmarks.workload import Task

TITLE = "MetricFlow's SQL in DuckDB"
PACKAGES = ("metricflow", "duckdb")

USED = ("report_opened", "comment", "export", "user_created", "invite", "integration_run")
METRICS = {
    "logins_7d": "{login sum 7}",
    "logins_30d": "{login sum 30}",
    "logins_per_week": "7 * {login average 30}",
    "logins_week_over_week": "{login sum 7} / nullif({login sum 14} - coalesce({login sum 7}, 0), 0)",
    "logins_against_last_week": "{login sum day} / nullif({login sum before 7}, 0)",
    "logins_total": "{login sum ever}",
    "busiest_day_90d": "100 * {login max 90} / nullif({login sum 90}, 0)",
    "views_14d": "{page_view sum 14}",
    "views_per_login": "{page_view sum 30} / nullif({login sum 30}, 0)",
    "views_against_quarter": "100 * {page_view average 7} / nullif({page_view average 90}, 0)",
    "api_peak": "{api_call max 30} / nullif({api_call average 30}, 0)",
    "searches_against_month": "{search average 7} - {search average 30}",
    "report_days_30d": "{report_opened count 30}",
    "comments_quarter_pace": "{comment sum 30} - {comment sum 90} / 3",
    "exports_90d": "{export sum 90}",
    "users_created_total": "{user_created sum ever}",
    "users_created_pace": "3 * {user_created sum 30} / nullif({user_created sum 90}, 0)",
    "features_in_use": " + ".join(f"coalesce(({{{name} count 30}} > 0)::INTEGER, 0)" for name in USED),
    "minutes_per_seat": "{minutes sum 7} / nullif({active_seats average 7}, 0)",
    "errors_per_job": "{errors sum 30} / nullif({jobs sum 30}, 0)",
    "error_spread_14d": "({errors max 14} - {errors min 14}) / nullif({errors average 14}, 0)",
    "tickets_worst_90d": "{open_tickets max 90} - {open_tickets average 30}",
}
"""A leaf in braces is a series, an aggregation, and days (`ever`: all of them; `day`: the day itself; `before 7`: a week ago)."""
ZERO = ("logins_7d", "logins_30d", "report_days_30d", "exports_90d", "features_in_use")
"""Metrics that are 0 where there are no data; a query of MetricFlow has no row there."""


def run(task: Task) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(str(output(task.folder))) as connection:
        connection.execute("SET enable_progress_bar = false")
        if task.memory is not None:
            connection.execute(f"SET memory_limit = '{task.memory}'")
        for namespace in ("activities", "metrics"):
            series = [one for one in SERIES if one.namespace == namespace]
            connection.execute(f"CREATE TABLE {namespace}_by_day AS WITH {collapsed(task.folder, namespace, series)} FROM {namespace}")
        connection.execute(f"CREATE TABLE time_spine AS SELECT CAST(day AS DATE) AS day "
                           f"FROM generate_series(DATE '{START}', DATE '{task.size.until}', INTERVAL 1 DAY) AS d(day)")
        connection.execute(f"CREATE TABLE companies AS SELECT id FROM read_csv('{task.folder}/companies.csv')")
        rows = 0
        for metric, sql in queries(task.metrics).items():
            made = connection.execute(f'CREATE TABLE "{metric}" AS {sql}').fetchone()
            rows = max(rows, int(made[0]) if made else 0)
        connection.execute("CHECKPOINT")
    return {"rows": rows}


def output(folder: Path) -> Path:
    return folder / "metricflow.duckdb"


def values(task: Task, metric: str) -> str:
    value = f'm."{_queried(metric)}"'
    return (f"SELECT c.id AS record, t.day, {f'coalesce({value}, 0)' if metric in ZERO else value} AS value "
            "FROM result.companies AS c CROSS JOIN result.time_spine AS t "
            f'LEFT JOIN result."{metric}" AS m ON m.company = c.id AND m.metric_time__day = t.day')


def queries(metrics: tuple[str, ...]) -> dict[str, str]:
    """What MetricFlow writes for each metric, by day and company."""
    from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantic_interfaces.parsing.dir_to_model import parse_yaml_files_to_validation_ready_semantic_manifest
    from metricflow_semantic_interfaces.parsing.objects import YamlConfigFile
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    class _Client:
        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

        def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
            return f"${bind_parameter_key}"

    files = [YamlConfigFile(filepath=f"{number}.yml", contents=text) for number, text in enumerate(manifest(metrics))]
    lookup = SemanticManifestLookup(parse_yaml_files_to_validation_ready_semantic_manifest(files).semantic_manifest)
    engine = MetricFlowEngine(lookup, _Client())  # type: ignore[arg-type]
    found = {}
    for metric in metrics:
        request = MetricFlowQueryRequest.create(metric_names=[_queried(metric)], group_by_names=["metric_time__day", "company"])
        found[metric] = engine.explain(request).sql_statement.without_descriptions.sql
    return found


def manifest(metrics: tuple[str, ...]) -> list[str]:
    """The files of a semantic manifest: a model per namespace, the leaves as metrics, derived metrics over them."""
    import yaml

    leaves = dict.fromkeys(leaf for metric in metrics for leaf in _leaves(metric))
    documents: list[dict[str, Any]] = [{"project_configuration": {"time_spines": [{
        "node_relation": {"schema_name": "main", "alias": "time_spine"}, "primary_column": {"name": "day", "time_granularity": "day"}}]}}]
    documents += [_model(namespace, list(leaves)) for namespace in ("activities", "metrics")]
    for name, type_params in dict(_metric(leaf) for leaf in leaves).items():
        documents.append({"metric": {"name": name, "type": "cumulative" if "cumulative_type_params" in type_params else "simple",
                                     "type_params": type_params}})
    for metric in metrics:
        if _queried(metric) == metric:
            expr = re.sub(r"\{(.*?)\}", lambda leaf: _name(leaf[1]), METRICS[metric])
            documents.append({"metric": {"name": metric, "type": "derived", "type_params": {
                "expr": expr, "metrics": [_input(leaf) for leaf in _leaves(metric)]}}})
    return [yaml.safe_dump(document) for document in documents]


def _leaves(metric: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\{(.*?)\}", METRICS[metric])))


def _name(leaf: str) -> str:
    return leaf.replace(" ", "_")


def _queried(metric: str) -> str:
    """The name that MetricFlow knows the metric by: that of its leaf, if it is nothing else."""
    leaves = _leaves(metric)
    return _name(leaves[0]) if METRICS[metric] == f"{{{leaves[0]}}}" else metric


def _model(namespace: str, leaves: list[str]) -> dict[str, Any]:
    """The daily rows of a namespace, with a measure for each series and aggregation that is used."""
    names = {one.word for one in SERIES if one.namespace == namespace}
    used = dict.fromkeys(tuple(leaf.split()[:2]) for leaf in leaves if leaf.split()[0] in names)
    return {"semantic_model": {
        "name": namespace, "node_relation": {"schema_name": "main", "alias": f"{namespace}_by_day"},
        "primary_entity": f"{namespace}_row", "defaults": {"agg_time_dimension": "day"},
        "entities": [{"name": "company", "type": "foreign", "expr": "company"}],
        "dimensions": [{"name": "day", "type": "time", "type_params": {"time_granularity": "day"}}],
        "measures": [{"name": f"{series}_{agg}", "agg": agg, "expr": series} for series, agg in used],
    }}


def _metric(leaf: str) -> tuple[str, dict[str, Any]]:
    """A leaf as a metric of MetricFlow: its name and its parameters."""
    series, aggregation, over = leaf.split(" ", 2)
    measure = f"{series}_{aggregation}"
    if over == "day" or over.startswith("before"):
        return f"{measure}_day", {"measure": measure}
    return _name(leaf), {"measure": measure, "cumulative_type_params": {} if over == "ever" else {"window": f"{over} days"}}


def _input(leaf: str) -> dict[str, Any]:
    if " before " in leaf:
        return {"name": _metric(leaf)[0], "offset_window": f"{leaf.split()[-1]} days", "alias": _name(leaf)}
    return {"name": _name(leaf)}
