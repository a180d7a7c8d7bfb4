"""Kill `seal serve` while clients ask it for corrections, start it again, count what was lost.

    python benchmarks/kill_server.py --transcripts 200 --clients 16 --kills 5

`seal correct` gives the results to compare with. Each client then sends a few transcripts at a
time, every second one with `wait=false`, and fetches the results of its jobs. Meanwhile the server
is killed (SIGKILL) so many times, at random moments between the first result and the last, and
started again on the same data folder. A request that got no answer is sent again, as any client
would. At the end the server is started once more: every job that was answered with 202 must be
there, done, with the very bytes that its client has fetched, and those must be the command's, but
for 0.0002 in confidences, for both let short transcripts share passes.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue

from common.server import SEAL, Server, ask
from common.transcripts import differs, write_transcripts

AT_ONCE = 4  # transcripts that a client has under way


@dataclass
class Tally:
    """What the clients have seen."""

    results: dict[str, bytes] = field(default_factory=dict)
    """Of each transcript, by the name of its file."""
    jobs: dict[str, str] = field(default_factory=dict)
    """The id of each job that was answered with 202 → the name of its transcript's file."""
    wrong: list[str] = field(default_factory=list)
    unanswered: int = 0
    """Corrections that were sent and got no answer, for the server was killed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transcripts", type=int, default=200)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--corrector", default="best")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # the same sums in the command and in the server
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_transcripts(folder / "in", options.transcripts)
        command = [*SEAL, "correct", str(folder / "in"), "--corrector", options.corrector]
        subprocess.run([*command, "-o", str(folder / "out")], check=True)
        waiting: SimpleQueue[Path] = SimpleQueue()
        for path in sorted((folder / "in").iterdir()):
            waiting.put(path)
        tally = Tally()
        with Server(folder / "data", options.corrector) as server:
            moments = sorted(rng.sample(range(1, options.transcripts), options.kills))
            with ThreadPoolExecutor(options.clients + 1) as pool:
                clients = [
                    pool.submit(Client(server, tally, folder / "out").work, waiting)
                    for _ in range(options.clients)
                ]
                killed = pool.submit(kill, server, tally, moments, rng)
                for client in clients:
                    client.result()
                kills = killed.result()
            server.kill()
            server.start()
            lost = [id for id in tally.jobs if kept(server, id) != tally.results[tally.jobs[id]]]
        states = states_of(folder / "data")
    unknown = sum(states.values()) - len(tally.jobs)
    missing = options.transcripts - len(tally.results)
    print(
        f"{kills} kills; {options.transcripts} transcripts by {options.clients} clients: "
        f"{len(tally.jobs)} accepted as jobs, {options.transcripts - len(tally.jobs)} answered at "
        f"once; without an answer {missing}; other than the command's {len(tally.wrong)}; jobs "
        f"lost or changed by the end {len(lost)}; {tally.unanswered} requests were cut off by a "
        f"kill and sent again, of which {unknown} had become jobs; jobs by state {states}"
    )
    right = not (missing or tally.wrong or lost) and set(states) <= {"done"}
    raise SystemExit(0 if right and 0 <= unknown <= tally.unanswered else 1)


def kill(server: Server, tally: Tally, moments: list[int], rng: random.Random) -> int:
    """Kill the server each time that so many results are there, a little later."""
    for number, moment in enumerate(moments):
        while len(tally.results) < moment:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        server.kill()
        print(f"kill {number}: {len(tally.results)} results are there", flush=True)
        server.start()
    return len(moments)


class Client:
    """One that asks for transcripts until none is left, whatever happens to the server."""

    def __init__(self, server: Server, tally: Tally, expected: Path) -> None:
        self.server = server
        self.tally = tally
        self.expected = expected

    def work(self, waiting: "SimpleQueue[Path]") -> None:
        while True:
            chosen = []
            try:
                for _ in range(AT_ONCE):
                    chosen.append(waiting.get_nowait())
            except Empty:
                if not chosen:
                    return
            jobs = {path: self.sent(path, wait=bool(i % 2)) for i, path in enumerate(chosen)}
            for path, job in jobs.items():
                if job is not None:
                    self.take(path, self.fetched(job))

    def sent(self, path: Path, wait: bool) -> str | None:
        """The id of the job that a transcript has become; None where it was answered at once."""
        url = f"/v1/correct?wait={'true' if wait else 'false'}"
        while True:
            try:
                status, answer = self.asked("POST", url, path.read_bytes())
            except (OSError, HTTPException):
                self.tally.unanswered += 1
                self.server.up.wait()
                continue
            if status == 429:
                time.sleep(0.5)
                continue
            if status == 200:
                self.take(path, answer)
                return None
            if status != 202:
                raise AssertionError(f"{path.name}: {status}, {answer!r}")
            job = str(json.loads(answer)["id"])
            self.tally.jobs[job] = path.name
            return job

    def fetched(self, job: str) -> bytes:
        """The result of a job, asked for until it is there or cannot be."""
        while True:
            try:
                status, answer = self.asked("GET", f"/v1/jobs/{job}/result")
            except (OSError, HTTPException):
                self.server.up.wait()
                continue
            if status != 409 or b"failed" in answer:
                return answer
            time.sleep(0.1)

    def take(self, path: Path, answer: bytes) -> None:
        if differs(answer, self.expected / path.name):
            self.tally.wrong.append(path.name)
        self.tally.results[path.name] = answer

    def asked(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        return ask(HTTPConnection(self.server.address, timeout=60), method, url, body)


def kept(server: Server, job: str) -> bytes:
    return ask(HTTPConnection(server.address), "GET", f"/v1/jobs/{job}/result")[1]


def states_of(data: Path) -> dict[str, int]:
    """How many jobs of each state the table has."""
    with sqlite3.connect(data / "jobs.sqlite") as table:
        return dict(table.execute("SELECT status, count(*) FROM jobs GROUP BY status"))


if __name__ == "__main__":
    main()
