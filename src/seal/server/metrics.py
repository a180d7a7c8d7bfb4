"""What Prometheus is told: requests, jobs, words, and whether the worker is ready.

It counts; it knows neither tokens nor what a transcript says.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self.requests = Counter(
            "seal_requests", "Requests answered.", ["method", "route", "status"], registry=own
        )
        self.jobs = Counter("seal_jobs", "Jobs ended.", ["kind", "status"], registry=own)
        self.words = Counter(
            "seal_words_corrected", "Words of corrected transcripts.", registry=own
        )
        self.seconds = Histogram(
            "seal_job_seconds",
            "From a job's start to its end.",
            ["kind"],
            registry=own,
            buckets=_SECONDS,
        )
        self.passes = Counter(
            "seal_passes", "Calls of the worker; one may hold several jobs.", registry=own
        )
        self.workers = Counter("seal_worker_starts", "Starts of the worker.", registry=own)

    def watch(self, waiting: Callable[[], float], ready: Callable[[], float]) -> None:
        """Ask these whenever the metrics are read."""
        queue = Gauge("seal_jobs_waiting", "Jobs that wait.", registry=self._registry)
        queue.set_function(waiting)
        state = Gauge("seal_ready", "1 if the worker has its models.", registry=self._registry)
        state.set_function(ready)

    def ended(self, kind: str, well: bool, words: int, seconds: float) -> None:
        """A job of so many words ended after so many seconds of work."""
        self.jobs.labels(kind, "done" if well else "failed").inc()
        self.seconds.labels(kind).observe(seconds)
        if well:
            self.words.inc(words)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)


class Counted:
    """The application, its requests counted by route; an address of no route is counted as none."""

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
                method = scope["method"] if route != "none" else "none"
                self._metrics.requests.labels(method, route, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counted)
