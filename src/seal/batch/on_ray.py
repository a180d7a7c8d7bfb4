"""Many inputs on a Ray cluster: the one file that knows Ray.

Ray Data carries the jobs to its actors and their outcomes back. Inputs and results stay files: the
machines of a cluster must see them, and the models, under the same paths. It knows nothing of what
a task does.
"""

import logging
import os
import pickle
import socket
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from seal.batch.pool import TRIES, Group, Outcome, Task, attempt, cores, died, refusal, share
from seal.errors import SealError

STORE = 128 * 2**20
"""Bytes that a cluster of our own sets aside for what is under way: paths and outcomes."""


def check_address(on: str) -> None:
    """Raise SealError where this is no way to name a cluster, or Ray is not installed."""
    if on != "ray" and not (on.startswith("ray:") and on.removeprefix("ray:").strip("/")):
        raise SealError(
            f"--on: {on!r} is none of ray (a cluster on this machine), ray:HOST:PORT, ray:auto "
            "and ray://HOST:PORT (a client's port)"
        )
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is sent anywhere
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong, we say
    try:
        import ray.data  # noqa: F401
    except ModuleNotFoundError as error:
        raise SealError(f"--on: needs Ray ({error}); pip install 'seal[ray]'") from None


def on_ray(
    task: Task, groups: Sequence[Group], workers: int, on: str, gpu: bool = False
) -> Generator[Outcome, None, None]:
    """Outcomes as they come, from so many actors of the cluster that `on` names.

    An actor that dies is restarted, and its group tried once more, and in the end each of it alone.
    `gpu`: each wants its share of
    the cluster's. Raises SealError where there is no such cluster or the task cannot be prepared.
    """
    import ray

    with _cluster(on, workers):
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        free = [int(machine.get("CPU", 0)) for machine in machines]
        if sum(free) < workers:
            raise SealError(f"--workers: {workers} need a core each, the cluster has {sum(free)}")
        asked: dict[str, Any] = {"num_cpus": share(free, workers)}
        if gpu:
            # In equal parts, as many on each GPU as must be.
            gpus = sum(int(machine.get("GPU", 0)) for machine in machines)
            if gpus == 0:
                raise SealError("--device: the cluster has no GPU")
            asked["num_gpus"] = 1 / -(-workers // gpus)
        try:
            while groups:
                alone: list[Group] = []
                for group, answer in _answers(task, groups, min(workers, len(groups)), asked):
                    if isinstance(answer, SealError):
                        raise answer
                    if not answer:
                        alone += [(job,) for job in group]
                    yield from answer
                groups = alone
        except ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if "Error: " in line] or [str(error)]
            raise SealError(
                f"--on: the cluster gave up ({lines[-1].strip()}); what is finished is kept: mend "
                "that and run again"
            ) from None


def _answers(
    task: Task, groups: Sequence[Group], workers: int, asked: dict[str, Any]
) -> Iterator[tuple[Group, list[Outcome] | SealError]]:
    """Groups as they are done, with their outcomes, or none where its actors died."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL + 1)
    # Pickled, for a path need not be text. A block each: what dies with an actor is one group.
    items = [{"place": place, "group": pickle.dumps(group)} for place, group in enumerate(groups)]
    tries = ray.remote(num_cpus=0)(_Tries).remote()
    answers = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        _Actor,
        fn_constructor_args=(task, tries),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        **asked,
    )
    for row in answers.iter_rows():
        yield groups[row["place"]], pickle.loads(row["answer"])


class _Tries:
    """How often each group was begun. Ray Data would begin one that kills its actors for ever."""

    def __init__(self) -> None:
        self._begun = Counter[int]()

    def begin(self, place: int) -> int:
        self._begun[place] += 1
        return self._begun[place]


class _Actor:
    """A worker. Ray has set its threads to the cores it asked for before this is made."""

    def __init__(self, task: Task, tries: Any) -> None:
        self._task = task
        self._tries = tries
        self._refusal = refusal(task)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        import ray

        group = pickle.loads(batch["group"][0])
        answer: list[Outcome] | SealError
        if self._refusal is not None:
            answer = self._refusal
        elif ray.get(self._tries.begin.remote(int(batch["place"][0]))) > TRIES:
            answer = [died(group[0], "see Ray's own logs")] if len(group) == 1 else []
        else:
            answer = attempt(self._task, group)
        return {"place": batch["place"], "answer": [pickle.dumps(answer)]}


@contextmanager
def _cluster(on: str, workers: int) -> Iterator[None]:
    """The cluster that `on` names, quiet; a local one lives as long as the block."""
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    # Ray tells of dead actors on stdout, where a command's results belong.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            if on != "ray":
                _knock(on)
            with _silent():
                if on == "ray":
                    ray.init(
                        address="local",
                        num_cpus=max(cores(), workers),
                        object_store_memory=STORE,
                        include_dashboard=False,
                        **quiet,
                    )
                else:
                    address = on if on.startswith("ray://") else on.removeprefix("ray:")
                    ray.init(address=address, **quiet)
        except (OSError, ValueError, RuntimeError) as error:
            line = str(error).split("\n")[0]
            raise SealError(f"--on: no cluster answers to {on!r} ({line})") from None
        try:
            yield
        finally:
            ray.shutdown()


def _knock(on: str) -> None:
    """Raise OSError where nobody listens at all: Ray itself would try for minutes."""
    host, colon, port = on.rpartition("/")[2].removeprefix("ray:").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


@contextmanager
def _silent() -> Iterator[None]:
    """Without what Ray's own core says on stderr as it starts; exceptions tell what matters."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
