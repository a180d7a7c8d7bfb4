"""A server of our own: started, asked, killed and started again."""

import ctypes
import http.client
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Self

SEAL = [sys.executable, "-m", "seal"]
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


class Server:
    """A `seal serve` for transcripts on a data folder, that can be killed and started again."""

    def __init__(self, data: Path, corrector: str) -> None:
        self._command = [*SEAL, "serve", "--data", str(data), "--port=0", "--no-recordings"]
        self._command += ["--corrector", corrector]
        self.address = ""
        self.up = Event()
        self.start()

    def start(self) -> None:
        """Start it, and wait until its models are loaded."""
        self.process = subprocess.Popen(
            self._command, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent
        )
        assert self.process.stderr
        reported = self.process.stderr.readline()
        address = re.search(r"http://([\d.:]+)", reported)
        if not address:
            raise SystemExit(f"the server did not start: {reported}")
        self.address = address[1]
        while ask(http.client.HTTPConnection(self.address), "GET", "/readyz")[0] != 200:
            time.sleep(0.1)
        self.up.set()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.up.clear()
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate()


def die_with_parent() -> None:
    """In a child, before its program begins: be killed when the parent ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()
