"""The metrics for Prometheus: requests, jobs, words, and whether the worker is ready.

It counts; it knows neither tokens nor what a transcript says.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """The counters of one server, in a registry of their registry."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "seal_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.jobs = Counter("seal_jobs", "Jobs ended.", ["kind", "status"], registry=registry)
        self.words = Counter(
            "seal_words_corrected", "Words of corrected transcripts.", registry=registry
        )
        self.seconds = Histogram(
            "seal_job_seconds",
            "From a job's start to its end.",
            ["kind"],
            registry=registry,
            buckets=_BUCKETS,
        )
        self.passes = Counter(
            "seal_passes", "Calls of the worker; one may hold several jobs.", registry=registry
        )
        self.workers = Counter("seal_worker_starts", "Starts of the worker.", registry=registry)

    def watch(self, waiting: Callable[[], float], ready: Callable[[], float]) -> None:
        """Call these whenever the metrics are read."""
        queue = Gauge("seal_jobs_waiting", "Jobs that wait.", registry=self._registry)
        queue.set_function(waiting)
        state = Gauge("seal_ready", "1 if the worker has its models.", registry=self._registry)
        state.set_function(ready)

    def ended(self, kind: str, succeeded: bool, words: int, seconds: float) -> None:
        """Count a job of `words` words that ended after `seconds` of work."""
        self.jobs.labels(kind, "done" if succeeded else "failed").inc()
        self.seconds.labels(kind).observe(seconds)
        if succeeded:
            self.words.inc(words)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class Counted:
    """The application, its requests counted by route; an address without a route counts as none."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                # A client may invent methods: only those of the route are counted by name.
                known = getattr(scope.get("route"), "methods", None) or ()
                method = scope["method"] if scope["method"] in known else "none"
                self._metrics.requests.labels(method, route, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counted)
