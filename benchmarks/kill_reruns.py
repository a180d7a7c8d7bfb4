"""Kill `seal correct FOLDER` at random moments, run it again to its end, compare the results.

    python benchmarks/kill_reruns.py --rounds 50 --transcripts 40

A run that nobody disturbs gives the results to compare with, and the time in which the kills fall.
In each round a new output folder is begun; the command, or one of its workers, is killed (SIGKILL)
at a moment drawn evenly from a whole run's time, `--kills` times at most, and then run once more to
its end. The folder must then hold the same files with the same bytes, and nothing else.

    python benchmarks/kill_reruns.py --half-way --on ray --transcripts 500

does one run with two workers and kills one of them when half of the results are there.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from common.transcripts import write_transcripts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--transcripts", type=int, default=40)
    parser.add_argument("--kills", type=int, default=3, help="at most, in a round")
    parser.add_argument("--corrector", default="best")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half-way", action="store_true", help="one run, one worker killed")
    parser.add_argument("--on", help="where --half-way runs: ray")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # the same sums whatever the number of workers
    rng = random.Random(options.seed)
    wrong = 0
    held: list[int] = []  # results that were there at each kill
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_transcripts(folder / "in", options.transcripts)
        command = [sys.executable, "-m", "seal", "correct", str(folder / "in")]
        command += ["--corrector", options.corrector]
        began = time.monotonic()
        subprocess.run([*command, "-o", str(folder / "expected")], check=True)
        whole = time.monotonic() - began
        expected = contents(folder / "expected")
        if options.half_way:
            run = [*command, "-o", str(folder / "out"), "--workers", "2"]
            run += ["--on", options.on] if options.on else []
            status = half_way(run, folder / "out", options.transcripts // 2)
            same = contents(folder / "out") == expected
            print(
                f"{len(expected)} results in {whole:.0f} s by one process; by two workers, one "
                f"killed half-way: exit status {status}, {'the same' if same else 'OTHER'} bytes"
            )
            raise SystemExit(0 if same else 1)
        for number in range(options.rounds):
            out = folder / "out"
            workers = rng.choice([1, 2])
            run = [*command, "-o", str(out), "--workers", str(workers)]
            for _ in range(rng.randint(1, options.kills)):
                held.append(killed(run, out, rng, whole))
            subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
            same = contents(out) == expected
            wrong += not same
            print(
                f"round {number}: {workers} workers, {'the same' if same else 'OTHER'}", flush=True
            )
            shutil.rmtree(out)
    after = sum(0 < count < options.transcripts for count in held)
    print(
        f"{options.rounds} rounds, {len(held)} kills, of which {after} between the first result "
        f"and the last; a run takes {whole:.0f} s; folders that ended otherwise: {wrong}"
    )
    raise SystemExit(1 if wrong else 0)


def killed(command: list[str], out: Path, rng: random.Random, whole: float) -> int:
    """Run the command, kill it or one of its workers at a random moment; how many results there
    were. Where a worker was killed, the command is left to end."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0.0, whole))
    count = len(list(out.glob("*.json")))
    with suppress(ProcessLookupError):
        os.kill(rng.choice([process.pid, *descendants(process.pid)]), signal.SIGKILL)
    if process.poll() is None:
        process.wait()
    return count


def half_way(command: list[str], out: Path, count: int) -> int:
    """Run the command and kill one of its workers once there are `count` results: its status."""
    process = subprocess.Popen(command)
    while process.poll() is None and len(list(out.glob("*.json"))) < count:
        time.sleep(0.05)
    workers = [pid for pid in descendants(process.pid) if is_worker(pid)]
    os.kill(workers[0], signal.SIGKILL)
    print(f"{len(workers)} workers, one killed at {len(list(out.glob('*.json')))} results")
    return process.wait()


def descendants(pid: int) -> list[int]:
    """The processes that came of a process, the nearest first."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found[1:]


def is_worker(pid: int) -> bool:
    """Is it a worker of ours, or an actor of Ray's that does the work?"""
    with suppress(OSError):
        title = Path(f"/proc/{pid}/cmdline").read_text()
        return "MapWorker" in title or "spawn_main" in title
    return False


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder, hidden ones too, but the list of what is finished."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".seal.jsonl"}


if __name__ == "__main__":
    main()
