"""Many inputs on a Ray cluster: the one file that knows Ray.

Ray Data carries the jobs to its actors and their outcomes back. Inputs and results stay files: the
machines of a cluster must see them, and the models, under the same paths. It knows nothing of what
a task does. Ray is imported where a cluster is asked for.
"""

import logging
import os
import pickle
import socket
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from seal import child
from seal.batch.pool import (
    MAX_TRIES,
    Group,
    Outcome,
    Task,
    attempt,
    cores,
    cores_per_worker,
    preparation_error,
    worker_died,
)
from seal.errors import SealError, need

OBJECT_STORE_BYTES = 128 * 2**20
"""What a local cluster sets aside for objects on their way; ours are paths and outcomes."""


def check_address(on: str) -> None:
    """Raise SealError where `on` does not name a cluster, or Ray is not installed."""
    if on != "ray" and not (on.startswith("ray:") and on.removeprefix("ray:").strip("/")):
        raise SealError(
            f"--on: {on!r} is none of ray (a cluster on this machine), ray:HOST:PORT, ray:auto "
            "and ray://HOST:PORT (a client's port)"
        )
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # we report problems ourselves
    need("ray")
    try:
        import ray.data  # noqa: F401
    except ModuleNotFoundError as error:
        raise SealError(f"--on: needs Ray ({error}); pip install 'seal[ray]'") from None


def on_ray(
    task: Task, groups: Sequence[Group], workers: int, on: str, gpu: bool = False
) -> Generator[Outcome, None, None]:
    """Do the groups by `workers` actors of the cluster that `on` names; yield outcomes as they
    come.

    An actor that dies is restarted; its group is tried once more, and in the end each job of it
    alone. With `gpu` each actor gets its share of the cluster's GPUs. Raises SealError where there
    is no such cluster or the task cannot be prepared.
    """
    import ray

    with _cluster(on, workers):
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cpus = [int(machine.get("CPU", 0)) for machine in machines]
        if sum(cpus) < workers:
            raise SealError(f"--workers: {workers} need a core each, the cluster has {sum(cpus)}")
        resources: dict[str, Any] = {"num_cpus": cores_per_worker(cpus, workers)}
        if gpu:
            # Equal parts, with as few workers on each GPU as possible.
            gpus = sum(int(machine.get("GPU", 0)) for machine in machines)
            if gpus == 0:
                raise SealError("--device: the cluster has no GPU")
            resources["num_gpus"] = 1 / -(-workers // gpus)
        try:
            while groups:
                single: list[Group] = []
                for group, answer in _answers(task, groups, min(workers, len(groups)), resources):
                    if isinstance(answer, SealError):
                        raise answer
                    if not answer:
                        single += [(job,) for job in group]
                    yield from answer
                groups = single
        except ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if "Error: " in line] or [str(error)]
            raise SealError(
                f"--on: the cluster gave up ({lines[-1].strip()}); what is finished is kept: mend "
                "that and run again"
            ) from None


def _answers(
    task: Task, groups: Sequence[Group], workers: int, resources: dict[str, Any]
) -> Iterator[tuple[Group, list[Outcome] | SealError]]:
    """Yield groups as they are done, each with its outcomes, or with none where its actors died."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL + 1)
    # Pickled, since a path need not be text. A block each, so that one group dies with an actor.
    items = [{"index": index, "group": pickle.dumps(group)} for index, group in enumerate(groups)]
    tries = ray.remote(num_cpus=0)(_Tries).remote()
    answers = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        _Actor,
        fn_constructor_args=(task, tries),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        **resources,
    )
    for row in answers.iter_rows():
        yield groups[row["index"]], pickle.loads(row["answer"])


class _Tries:
    """Counts how often each group was begun. Ray Data would retry one that kills its actors for
    ever."""

    def __init__(self) -> None:
        self._begun = Counter[int]()

    def begin(self, index: int) -> int:
        """Count one more try of the group at `index`; return how many there were."""
        self._begun[index] += 1
        return self._begun[index]


class _Actor:
    """A worker. Before Ray makes it, Ray sets its threads to the cores that it asked for."""

    def __init__(self, task: Task, tries: Any) -> None:
        child.forget_current_folder()  # Ray adds the driver's
        self._task = task
        self._tries = tries
        self._error = preparation_error(task)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        import ray

        group = pickle.loads(batch["group"][0])
        answer: list[Outcome] | SealError
        if self._error is not None:
            answer = self._error
        elif ray.get(self._tries.begin.remote(int(batch["index"][0]))) > MAX_TRIES:
            answer = [worker_died(group[0], "see Ray's own logs")] if len(group) == 1 else []
        else:
            answer = attempt(self._task, group)
        return {"index": batch["index"], "answer": [pickle.dumps(answer)]}


@contextmanager
def _cluster(on: str, workers: int) -> Iterator[None]:
    """Connect to the cluster that `on` names, without its output; a local one lives as long as the
    block."""
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    # Ray reports dead actors on stdout, where a command's results belong.
    with open(os.devnull, "w") as devnull, redirect_stdout(devnull):
        try:
            if on != "ray":
                _check_listening(on)
            with _stderr_silenced():
                if on == "ray":
                    ray.init(
                        address="local",
                        num_cpus=max(cores(), workers),
                        object_store_memory=OBJECT_STORE_BYTES,
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


def _check_listening(on: str) -> None:
    """Raise OSError where nobody listens at the address: Ray itself would try for minutes."""
    host, colon, port = on.rpartition("/")[2].removeprefix("ray:").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


@contextmanager
def _stderr_silenced() -> Iterator[None]:
    """Drop what Ray's core writes to stderr as it starts; exceptions say what matters."""
    stderr = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)
