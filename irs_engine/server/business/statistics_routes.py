"""How many calls there were: series by the minute, as Cloud Eye has them and for charts, and sums of months.

GET /V1.0/{project_id}/metric-data?namespace=SYS.IRS&metric_name=...&dim.0=call_of_interface,<api>
                                  &from=&to=&period=&filter=      times in ms since 1970
GET /irs/v1/metrics?from=&to=&period=&api=&user=&filter=          the last hour by default
GET /irs/v1/usage?month=2026-11&format=json|csv                   this month by default
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON
from irs_engine.server.apis import BY_NAME
from irs_engine.server.business.asking import parts, reader, whole
from irs_engine.server.business.metrics import DIMENSION, METRICS, NAMESPACE, UNIT, Span
from irs_engine.server.business.periods import HOUR, MINUTE, month_of
from irs_engine.server.business.prices import to_text
from irs_engine.server.business.usage import MonthRow
from irs_engine.server.errors import ServiceError

LATEST = 10**14  # ms since 1970
NUMBERS = ("successful", "failed", "free", "packaged", "paid", "amount")


async def metric_data(request: Request) -> Response:
    """Of one metric, as Cloud Eye answers: https://support.huaweicloud.com/intl/en-us/api-ces/ces_03_0033.html"""
    caller = await reader(request)
    project = request.path_params["project_id"]
    if caller.project_id is None:
        raise ServiceError("AIS.0026")
    if project != caller.project_id:
        raise ServiceError("AIP.0003", "the project of the path is not the caller's")
    query = request.query_params
    if query.get("namespace") != NAMESPACE:
        raise ServiceError("AIP.0012", f"namespace: expected {NAMESPACE}")
    dimension, _, api = query.get("dim.0", "").partition(",")
    if dimension != DIMENSION or api not in BY_NAME:
        raise ServiceError("AIP.0012", f"dim.0: expected {DIMENSION},API with one of {', '.join(BY_NAME)}")
    metric, filter = query.get("metric_name", ""), query.get("filter", "sum")
    span = _span(request)
    series = await run_in_threadpool(
        parts(request).business.metrics.series,
        caller.account_id,
        span,
        metric,
        filter,
        api=api,
        project_id=project,
    )
    points = [
        {filter: value, "timestamp": 1000 * time, "unit": UNIT}
        for time, value in zip(span.times(), series[api], strict=True)
    ]
    return AsciiJSON({"metric_name": metric, "datapoints": points})


async def metrics(request: Request) -> Response:
    """Of both metrics, and of all APIs that were called; `values` begin at `from` and are `period` apart."""
    caller = await reader(request)
    query, span = request.query_params, _span(request)
    api = query.get("api")
    if api is not None and api not in BY_NAME:
        raise ServiceError("AIP.0012", f"api: expected one of {', '.join(BY_NAME)}")

    def read() -> list[dict[str, Any]]:
        series = parts(request).business.metrics.series
        found = {
            metric: series(
                caller.account_id,
                span,
                metric,
                query.get("filter", "sum"),
                api=api,
                user_id=query.get("user"),
            )
            for metric in METRICS
        }
        return [
            {"api": name, "metric_name": metric, "values": values}
            for metric, by_api in found.items()
            for name, values in sorted(by_api.items())
        ]

    answer = {
        "namespace": NAMESPACE,
        "unit": UNIT,
        "from": 1000 * MINUTE * span.start,
        "to": 1000 * MINUTE * span.end,
        "period": MINUTE * span.step,
    }
    return AsciiJSON(answer | {"series": await run_in_threadpool(read)})


def _span(request: Request) -> Span:
    until = whole(request, "to", int(1000 * parts(request).business.clock()) + 1, LATEST)
    since = whole(request, "from", max(0, until - 1000 * HOUR), LATEST)
    return Span.of(since / 1000, until / 1000, whole(request, "period", MINUTE, 10**6))


async def usage(request: Request) -> Response:
    """Calls of a calendar month, what they consumed and cost, by API and by user."""
    caller = await reader(request)
    business = parts(request).business
    month = request.query_params.get("month") or month_of(business.clock())
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise ServiceError("AIP.0012", "month: expected one as 2026-11")
    rows = await run_in_threadpool(business.usage, caller.account_id, month)
    if request.query_params.get("format") == "csv":
        return _csv(month, business.prices.currency, rows)
    totals: dict[str, dict[str, int]] = {}
    for row in rows:
        sums = totals.setdefault(row.api, dict.fromkeys(NUMBERS, 0))
        for name in NUMBERS:
            sums[name] += getattr(row, name)
    return AsciiJSON(
        {
            "month": month,
            "currency": business.prices.currency,
            "apis": [{"api": api} | _priced(sums) for api, sums in totals.items()],
            "users": [
                {"api": row.api, "user_id": row.user_id, "user_name": row.user_name}
                | _priced({name: getattr(row, name) for name in NUMBERS})
                for row in rows
            ],
        }
    )


def _priced(numbers: dict[str, int]) -> dict[str, Any]:
    return {**numbers, "amount": to_text(numbers["amount"])}


def _csv(month: str, currency: str, rows: list[MonthRow]) -> Response:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("month", "api", "user_id", "user_name", *NUMBERS, "currency"))
    for row in rows:
        numbers = [*(getattr(row, name) for name in NUMBERS[:-1]), to_text(row.amount)]
        # A name that begins like a formula would be one to a spreadsheet.
        name = re.sub(r"^(?=[=+\-@\t\r])", "'", row.user_name)
        writer.writerow((month, row.api, row.user_id, name, *numbers, currency))
    headers = {"Content-Disposition": f'attachment; filename="irs-usage-{month}.csv"'}
    return Response(file.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


routes = [
    Route("/V1.0/{project_id}/metric-data", metric_data),
    Route("/irs/v1/metrics", metrics),
    Route("/irs/v1/usage", usage),
]
