"""The server beside the command line on the same work: benchmarks/bench_server.py [--clients 8]

Transcripts of some 300 words (simulated first passes of the bundled call) are corrected by one
`seal correct` of their folder, and by a `seal serve` that so many clients ask at once. Start-up is
timed apart: for the command it is the time of one transcript of two words. The speakers must be the
same, and confidences to 0.0002, for both let short transcripts share passes.
"""

import argparse
import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from common.server import SEAL, Server, ask
from common.transcripts import differs, write_transcripts
from seal import words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transcripts", type=int, default=200)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--corrector", default="best")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what follows is cleared away
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        total = write_transcripts(folder / "in", options.transcripts)
        made = [*SEAL, "correct", "--corrector", options.corrector, "-o", f"{folder}/out/"]
        two = words.read(next((folder / "in").iterdir()))[:2]
        words.write([two[0], two[1] | {"speaker": "B"}], folder / "two.json")
        start = seconds([*made, str(folder / "two.json")])
        spent = seconds([*made, str(folder / "in")])
        print(f"{options.transcripts} transcripts, {total} words.\n")
        print("| | seconds | start-up | words a second | with start-up |\n|---|---|---|---|---|")
        show("`seal correct FOLDER`", total, spent - start, start)
        for clients in options.clients:
            begun, work = served(folder, clients, options.corrector)
            show(f"`seal serve`, {clients} clients", total, work, begun)


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def served(folder: Path, clients: int, corrector: str) -> tuple[float, float]:
    """Seconds until the server is ready, and until all transcripts are answered."""
    began = time.perf_counter()
    with Server(folder / "data", corrector) as server:
        ready = time.perf_counter()
        waiting: SimpleQueue[Path] = SimpleQueue()
        for path in sorted((folder / "in").iterdir()):
            waiting.put(path)
        with ThreadPoolExecutor(clients) as pool:
            address = server.address
            for done in [pool.submit(client, address, waiting, folder) for _ in range(clients)]:
                done.result()
        return ready - began, time.perf_counter() - ready


def client(address: str, waiting: "SimpleQueue[Path]", folder: Path) -> None:
    """Ask for one transcript after the other; the answers must be the command's."""
    connection = http.client.HTTPConnection(address)
    while True:
        try:
            path = waiting.get_nowait()
        except Empty:
            return
        status, answer = ask(connection, "POST", "/v1/correct", path.read_bytes())
        if status == 202:  # it would have waited for too long: a job
            url = f"/v1/jobs/{json.loads(answer)['id']}/result"
            while status in (202, 409):
                time.sleep(0.05)
                status, answer = ask(connection, "GET", url)
        assert status == 200, answer
        assert not differs(answer, folder / "out" / path.name), path.name


def show(name: str, total: int, work: float, start: float) -> None:
    rates = f"{total / work:.0f} | {total / (work + start):.0f}"
    print(f"| {name} | {work:.1f} | {start:.1f} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
