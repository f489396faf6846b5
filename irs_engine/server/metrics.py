"""Numbers for Prometheus: calls and how long they took, and how the works are doing."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from irs_engine.server.works import Works

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "irs_calls",
            'Calls by API; the outcome is "ok", "gone" (the client), or an error code.',
            ["api", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "irs_call_seconds",
            "From the headers of a call to the end of its answer.",
            ["api"],
            buckets=SECONDS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)

    def called(self, api: str, outcome: str, seconds: float) -> None:
        self._calls.labels(api, outcome).inc()
        self._seconds.labels(api).observe(seconds)

    def text(self, works: Works) -> bytes:
        """In the format that Prometheus reads."""
        now = CollectorRegistry()
        now.register(_Now(works))
        return generate_latest(self._registry) + generate_latest(now)


class _Now:
    def __init__(self, works: Works):
        self._works = works

    def collect(self) -> Iterator[Metric]:
        found = self._works.snapshot()
        yield GaugeMetricFamily("irs_ready", "1 when all models are loaded and work.", value=found["ready"])
        yield CounterMetricFamily("irs_batches", "Batches of pictures tagged.", value=found["batches"])
        yield CounterMetricFamily(
            "irs_batch_pictures", "Pictures in those.", value=found["pictures_in_batches"]
        )
        in_flight = GaugeMetricFamily("irs_in_flight", "Calls that are worked on.", labels=["api"])
        waiting = GaugeMetricFamily("irs_waiting", "Calls that wait for their turn.", labels=["api"])
        for api, gate in found["apis"].items():
            in_flight.add_metric([api], gate["in_flight"])
            waiting.add_metric([api], gate["waiting"])
        yield in_flight
        yield waiting
