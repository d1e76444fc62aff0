"""What the trials of the server share: a space, a server over it, and a client."""

import http.client
import json
import signal
import subprocess
import tempfile
from pathlib import Path

from measure import REPOSITORY, output

PROGRAM = REPOSITORY / "target" / "release" / "latlas"


class Server:
    """`latlas serve` over spaces, on a port of its own. `spoken` is what it printed when it was ready."""

    def __init__(self, *spaces, flags=(), program=PROGRAM, wait=True):
        self.errors = tempfile.TemporaryFile()
        command = [program, "serve", *spaces, "--port", "0", "--json", *flags]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.spoken = self.ready() if wait else None

    def ready(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise SystemExit(f"the server ended: {self.errors.read().decode()}")
        self.spoken = json.loads(line)
        self.host, self.port = self.spoken["address"].removeprefix("http://").rsplit(":", 1)
        return self.spoken

    @property
    def address(self):
        return self.spoken["address"]

    def memory(self):
        """Resident memory, in MB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """As a supervisor ends it; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def client(self):
        return Client(self.host, int(self.port))


class Client:
    """One connection that is kept."""

    def __init__(self, host, port):
        self.connection = http.client.HTTPConnection(host, port, timeout=60)

    def ask(self, method, path, body=None):
        """Status and answer; an answer that is no JSON as bytes."""
        headers = {"Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self.connection.getresponse()
        content = response.read()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content


def space_of(matrix, path, ids=None):
    """A space of a matrix of vectors, by way of the program."""
    import numpy as np

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        vectors = Path(folder) / "vectors.npy"
        np.save(vectors, matrix)
        output([PROGRAM, "convert", vectors, path, "-q"])
    return path


