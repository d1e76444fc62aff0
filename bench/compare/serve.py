#!/usr/bin/env python3
"""The server under load, among the ill-behaved, killed, and with the clients that exist.

    python3 bench/compare/serve.py load --seconds 60       # wrk: 64 connections, a space of 100,000 items
    python3 bench/compare/serve.py hostile                 # slow clients, large and senseless bodies, names that lead elsewhere
    python3 bench/compare/serve.py kill --kills 500        # kill -9 among upserts and deletes
    python3 bench/compare/serve.py clients --minutes 10    # the openai client, faiss, an OpenAPI validator, schemathesis

Each ends with exit code 1 if something was not as it has to be.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from measure import REPOSITORY, WORK, environment, machine, output, say, wait_for_quiet
from serving import PROGRAM, Server, space_of

PLACE = WORK / "serve"
CLIENTS = ["openai==3.57.0", "schemathesis==4.32.5", "openapi-spec-validator==0.9.0", "faiss-cpu==1.15.1", "numpy", "pyarrow"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trial", choices=["load", "hostile", "kill", "clients"])
    parser.add_argument("--seconds", type=int, default=60, help="of load")
    parser.add_argument("--connections", type=int, default=64, help="of load")
    parser.add_argument("--items", type=int, default=100_000, help="of the space under load")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10, help="of schemathesis")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    return parser.parse_args()


def mixture_space(items):
    """A space of a mixture of Gaussians of 100 dimensions, with its index."""
    from mixture import mixture

    path = PLACE / f"mixture-{items}x100.space"
    if not path.exists():
        say(f"making {path.name}")
        space_of(mixture(items, 100), path)
        output([PROGRAM, "index", path, "-q"])
    return path


# Load


SCRIPT = """
local bodies, at = {}, 0
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
function init(args) at = math.random(#bodies) end
function request()
  at = at % #bodies + 1
  return wrk.format("POST", "PATH", {["Content-Type"] = "application/json"}, bodies[at])
end
local threads = {}
function setup(thread) threads[#threads + 1] = thread; thread:set("id", #threads) end
function response(status, headers, body)
  if status == 200 then ok = (ok or 0) + 1 elseif status == 429 then busy = (busy or 0) + 1 else other = (other or 0) + 1 end
end
function done(summary, latency, requests)
  local ok, busy, other = 0, 0, 0
  for _, thread in ipairs(threads) do
    ok, busy, other = ok + (thread:get("ok") or 0), busy + (thread:get("busy") or 0), other + (thread:get("other") or 0)
  end
  local e = summary.errors
  print(string.format('JSON {"ok": %d, "busy": %d, "other": %d, "broken": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f}',
    ok, busy, other, e.connect + e.read + e.write + e.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def wrk(server, path, bodies, seconds, connections):
    """What wrk counts: answers by status, latencies."""
    (PLACE / "bodies.txt").write_text("\n".join(json.dumps(body) for body in bodies) + "\n")
    script = SCRIPT.replace("BODIES", str(PLACE / "bodies.txt")).replace("PATH", path)
    (PLACE / "wrk.lua").write_text(script)
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s", "-s", str(PLACE / "wrk.lua"), server.address]
    told = output(command)
    return json.loads(re.search(r"JSON (.*)", told).group(1))


def load(args):
    if not shutil.which("wrk"):
        sys.exit("wrk is needed: apt install wrk")
    space = mixture_space(args.items)
    name = f"/v1/spaces/{space.stem}"
    bodies = [{"id": str(1 + 97 * i % args.items), "k": 10} for i in range(1000)]
    wait_for_quiet(args.load)
    rows = []
    good = True
    for label, flags, connections, wanted in [
        ("under the limit", [], args.connections, "ok"),
        ("above it (--max-requests 16)", ["--max-requests", "16"], args.connections, "both"),
    ]:
        server = Server(space, flags=["--read-only", *flags])
        wrk(server, f"{name}/search", bodies, 5, connections)  # until caches and pools have grown
        before = server.memory()
        told = wrk(server, f"{name}/search", bodies, args.seconds, connections)
        after = server.memory()
        growth = after / before - 1
        told |= {"label": label, "per_second": told["ok"] / told["seconds"], "before": before, "after": after, "growth": growth}
        rows.append(told)
        clean = told["other"] == 0 and told["broken"] == 0 and told["ok"] > 0 and growth < 0.05
        good &= clean and (told["busy"] == 0 if wanted == "ok" else told["busy"] > 0)
        good &= server.end() == 0
    print(f"| {args.connections} connections, {args.seconds} s | answered | a second | 429 | others | p50 ms | p99 ms | RSS MB | growth |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['label']} | {row['ok']:,} | {row['per_second']:,.0f} | {row['busy']:,} | {row['other'] + row['broken']} "
            f"| {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['before']:.0f} → {row['after']:.0f} | {100 * row['growth']:+.1f} % |"
        )
    return good


# The ill-behaved


def hostile(args):
    space = mixture_space(args.items)
    name = f"/v1/spaces/{space.stem}"
    server = Server(space, flags=["--read-only"])
    client = server.client()
    for i in range(200):
        client.ask("POST", f"{name}/search", {"id": str(i + 1)})
    before = server.memory()
    bad = []

    def expect(what, found, *wanted):
        say(f"{'ok ' if found in wanted else 'BAD'} {what}: {found}")
        if found not in wanted:
            bad.append(what)

    def status(data, wait=15):
        with socket.create_connection((server.host, int(server.port)), timeout=wait) as stream:
            try:
                stream.sendall(data)
            except OSError:
                pass
            try:
                answer = stream.recv(100)
            except OSError:
                return 0
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1") else 0

    def post(path, body, length=None):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
        return status(head.encode() + body)

    # Slow-loris: heads that never end, one byte at a time, while others are answered.
    slow = [socket.create_connection((server.host, int(server.port))) for _ in range(500)]
    begun = time.monotonic()
    open_still = slow
    while open_still and time.monotonic() - begun < 30:
        for stream in open_still[:]:
            try:
                stream.sendall(b"G" if stream is open_still[0] else b"GET / HTTP/1.1\r\nX-A: ")
            except OSError:
                open_still.remove(stream)
        if time.monotonic() - begun < 8:
            took = time.monotonic()
            expect("a search beside 500 slow-loris", server.client().ask("POST", f"{name}/search", {"id": "1"})[0], 200)
            expect("its seconds, below 1", time.monotonic() - took < 1, True)
        time.sleep(2)
    expect("slow-loris left after 30 s", len(open_still), 0)

    search = f"{name}/search"
    piece = b" " * (1 << 20)
    expect("1 GB announced", post(search, b"{", 1 << 30), 413)
    with socket.create_connection((server.host, int(server.port)), timeout=30) as stream:
        stream.sendall(f"POST {search} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            for _ in range(1024):
                stream.sendall(b"100000\r\n" + piece + b"\r\n")
                sent += 1
        except OSError:
            pass
        try:
            told = stream.recv(20)
        except OSError:
            told = b""
        expect(f"1 GB in pieces, cut after {sent} MB", sent < 256 and (told == b"" or b" 413" in told), True)
    expect("10,000 deep", post(search, b'{"columns": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"), 400)
    expect("NaN", post(search, b'{"vector": [NaN]}'), 400)
    expect("1e999", post(search, b'{"vector": [1e999]}'), 400)
    expect("wrong dimension", post(search, b'{"vector": [1, 2]}'), 400)
    expect("not UTF-8", post(search, b'{"text": "\xff"}'), 400)
    expect("a large k", post(search, b'{"id": "1", "k": 1000000000}'), 400)
    deep_filter = json.dumps({"id": "1", "filter": "(" * 100_000 + "id = '1'" + ")" * 100_000}).encode()
    expect("a deep condition", post(search, deep_filter), 400)
    nots = json.dumps({"id": "1", "filter": "NOT " * 100_000 + "id = '1'"}).encode()
    expect("a long condition, which makes sense", post(search, nots), 200, 400)
    for path in ["/v1/spaces/..%2f..%2fetc%2fpasswd", "/v1/spaces/../../etc/passwd", f"{name}/maps/..%2f..%2fspace.json", "/%2e%2e/%2e%2e/etc/passwd"]:
        expect(path, status(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()), 404, 400)
    expect("a head of 1 MB", status(b"GET / HTTP/1.1\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"), 431, 400, 0)
    expect("another host", status(b"GET /v1/spaces HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403)
    expect("no HTTP", status(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), 400, 0)

    # Those who ask and do not read.
    deaf = []
    for _ in range(50):
        stream = socket.create_connection((server.host, int(server.port)))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.sendall(f"GET {name}/items?limit=5000&vectors=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        deaf.append(stream)
    expect("a search beside 50 that do not read", server.client().ask("POST", search, {"id": "1"})[0], 200)
    time.sleep(25)
    cut = 0
    for stream in deaf:
        stream.settimeout(5)
        received = 0
        try:
            while part := stream.recv(1 << 20):
                received += len(part)
        except OSError:
            pass
        cut += received < 5_000_000
        stream.close()
    expect("those that do not read, cut off", cut, 50)
    for i in range(200):
        if server.client().ask("POST", search, {"id": str(i + 1)})[0] != 200:
            bad.append("a search afterwards")
    time.sleep(1)
    after = server.memory()
    say(f"RSS {before:.0f} → {after:.0f} MB")
    expect("ended as asked", server.end(), 0)
    print(f"hostile: {'all as it has to be' if not bad else bad}; RSS {before:.0f} → {after:.0f} MB")
    return not bad


# kill -9


class Keeper:
    """Owns some ids, asks for one change at a time, and remembers what was acknowledged and what was on the way."""

    BATCH = 3

    def __init__(self, n, seed):
        self.ids = [f"k{n}-{i}" for i in range(8 * self.BATCH)]
        self.dice = random.Random(f"{seed} {n}")
        self.known = {}  # id: version, as acknowledged
        self.pending = {}  # id: version or None, of the request on the way
        self.version = 0
        self.acknowledged = 0
        self.refused = []

    def begin(self, server):
        self.server = server
        self.halt = False
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        try:
            client = self.server.client()
            while not self.halt:
                self.version += 1
                group = self.dice.randrange(8) * self.BATCH
                ids = self.ids[group : group + self.BATCH]
                if self.dice.random() < 0.3:
                    self.pending = {i: None for i in ids}
                    status, _ = client.ask("POST", "/v1/spaces/killed/points/delete", {"ids": ids})
                else:
                    self.pending = {i: self.version for i in ids}
                    points = [{"id": i, "vector": [self.version, -self.version, 1, 2], "columns": {"version": self.version}} for i in ids]
                    status, _ = client.ask("POST", "/v1/spaces/killed/points", {"points": points})
                if status != 200:
                    self.refused.append(f"status {status}: {ids}")
                    break
                self.known.update(self.pending)
                self.pending = {}
                self.acknowledged += 1
        except (OSError, http.client.HTTPException):
            pass  # the server is gone: what was on the way is told by `pending`
        finally:
            self.ended = True

    def judge(self, found):
        """What is wrong with what was found: acknowledged and lost, or one request by half."""
        wrong, self.refused = self.refused, []
        made = {i for i, version in self.pending.items() if found.get(i) == version}
        if self.pending and len(made) not in (0, self.BATCH):
            unmade = [i for i in self.pending if i not in made]
            if any(found.get(i) != self.known.get(i) for i in unmade) or self.known_differs(made, unmade):
                wrong.append(f"half a request: {self.pending}, found {[found.get(i) for i in self.pending]}")
        for i in self.ids:
            wanted = self.pending[i] if i in made else self.known.get(i)
            if found.get(i) != wanted:
                wrong.append(f"{i}: version {found.get(i)}, acknowledged {wanted}")
        for i in made:
            self.known[i] = self.pending[i]
        self.pending = {}
        return wrong

    def known_differs(self, made, unmade):
        """Whether a request that is half there can be told from one that is not: a delete of what was not there cannot."""
        return any(self.pending[i] != self.known.get(i) for i in made) and any(self.pending[i] != self.known.get(i) for i in unmade)


def kill(args):
    path = PLACE / "killed.space"
    shutil.rmtree(path, ignore_errors=True)
    first = PLACE / "killed.csv"
    first.write_text("id,version,v_0,v_1,v_2,v_3\n" + "".join(f"old{i},{i},{i},0,0,1\n" for i in range(1000)))
    output([PROGRAM, "convert", first, path, "--id", "id", "--vector", "v_*", "-q"])
    dice = random.Random(args.seed)
    keepers = [Keeper(n, args.seed) for n in range(6)]
    replays, wrong, generations = [], [], set()
    for n in range(args.kills + 1):
        server = Server(path, wait=False)
        if n < args.kills and dice.random() < 0.1:
            # While it starts: it reads the log, and publishes what is in it.
            time.sleep(dice.random() * 0.03)
            server.kill()
            continue
        spoken = server.ready()
        replays += [(entry["changes"], entry["seconds"]) for entry in spoken["replayed"]]
        generations.add(spoken["spaces"][0]["generation"])
        client = server.client()
        _, items = client.ask("GET", "/v1/spaces/killed/items?limit=10000&vectors=true")
        found = {}
        for item in items["items"]:
            version = item["columns"]["version"]
            found[item["id"]] = version
            if item["id"].startswith("k") and item["vector"] != [version, -version, 1, 2]:
                wrong.append(f"{item['id']}: version {version}, vector {item['vector']}")
        if sum(i.startswith("old") for i in found) != 1000:
            wrong.append("an item that no one touched is gone")
        for keeper in keepers:
            wrong += keeper.judge(found)
        if wrong:
            break
        if n == args.kills:
            server.end()
            break
        for keeper in keepers:
            keeper.ended = False
            keeper.begin(server)
        time.sleep(dice.random() * 0.3)
        server.kill()
        for keeper in keepers:
            keeper.halt = True
        while not all(keeper.ended for keeper in keepers):
            time.sleep(0.001)
        if n % 50 == 49:
            say(f"{n + 1} kills, {sum(keeper.acknowledged for keeper in keepers):,} changes acknowledged, {len(wrong)} wrong")
    checked = json.loads(output([PROGRAM, "check", path, "--json"]))
    acknowledged = sum(keeper.acknowledged for keeper in keepers)
    replays = [replay for replay in replays if replay[0]]
    most = max(replays, default=(0, 0))
    seconds = statistics.median(seconds for _, seconds in replays) if replays else 0
    print(f"{args.kills} kills (seed {args.seed}): {acknowledged:,} requests acknowledged, {len(wrong)} wrong; the space is {'sound' if checked['ok'] else 'damaged'}, generation {max(generations)}")
    print(f"replays: {len(replays)}, median {1000 * seconds:.1f} ms, the longest log {most[0]} changes in {1000 * most[1]:.1f} ms")
    for line in wrong[:20]:
        print(f"  {line}")
    return not wrong and checked["ok"]


# Clients


OPENAI = """
import sys, numpy as np
from openai import OpenAI
client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="any")
model = client.models.list().data[0].id
words = ["river", "sea", "king"]
plain = client.embeddings.create(model=model, input=words, encoding_format="float")
packed = client.embeddings.create(model=model, input=words)
for a, b in zip(plain.data, packed.data):
    assert np.array_equal(np.float32(a.embedding), np.float32(b.embedding))
one = client.embeddings.create(model=model, input="river").data[0].embedding
assert np.array_equal(np.float32(one), np.float32(plain.data[0].embedding))
try:
    client.embeddings.create(model="nobody", input="x")
    raise SystemExit("an unknown model was taken")
except Exception as e:
    assert type(e).__name__ == "NotFoundError", e
print("openai client: embeddings of", len(one), "numbers, as floats and as base64")
"""

FAISS = """
import sys, numpy as np, faiss, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1] + ".parquet")
ids = table["id"].to_pylist()
vectors = np.load(sys.argv[1] + ".npy").astype(np.float32)
faiss.normalize_L2(vectors)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(vectors)
at = ids.index(sys.argv[2])
_, found = index.search(vectors[at : at + 1], 6)
print(" ".join(ids[i] for i in found[0] if i != at))
"""


def sensible(document):
    """The document with names, ids and dimensions of the space that is asked, so that not all requests are refused."""
    named = {"space": ["asked"], "map": ["pca"], "id": ["river", "sea", "nobody"], "columns": ["count"]}
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in named:
                    parameter["schema"] = {"type": "string", "enum": named[parameter["name"]]}
    schemas = document["components"]["schemas"]
    vector = {"type": "array", "items": {"type": "number", "minimum": -1e9, "maximum": 1e9}, "minItems": 50, "maxItems": 50}
    word = {"type": "string", "enum": ["river", "sea", "king", "queen", "nobody"]}
    search = schemas["SearchBody"]["properties"]
    search |= {"vector": vector, "vectors": {"type": "array", "items": vector, "maxItems": 4}, "id": word, "field": {"enum": ["main", "other"]}}
    search |= {"filter": {"enum": ["count > 100", "NOT (count < 10) OR id = 'sea'", "count >"]}, "columns": {"type": "array", "items": {"enum": ["count", "nothing"]}, "maxItems": 2}}
    schemas["Point"]["properties"] |= {"vector": vector, "columns": {"type": "object", "properties": {"count": {"type": ["integer", "null"]}}, "additionalProperties": False}}
    schemas["DeleteBody"]["properties"]["filter"] = {"enum": ["count = 7", "count"]}
    schemas["EmbeddingsBody"]["properties"]["model"] = {"enum": ["asked", "nobody"]}
    return document


def clients(args):
    python = environment(CLIENTS, "venv-serve")
    learned = PLACE / "en.space"
    if not learned.exists():
        text = next((REPOSITORY.parent / "shared" / "data" / "text").glob("enwiki100*"))
        say(f"learning {learned.name} from {text.name}")
        output([PROGRAM, "learn", "fasttext", text, "-o", learned, "--dim", "50", "--epochs", "1", "-q"])
    server = Server(learned)
    good = True
    told = subprocess.run([python, "-c", OPENAI, server.address], capture_output=True, text=True)
    print(told.stdout.strip() or told.stderr.strip())
    good &= told.returncode == 0

    # The space for others, in one line each.
    out = PLACE / "handed"
    output([PROGRAM, "convert", learned, f"{out}.npy", "-q"])
    output([PROGRAM, "convert", learned, f"{out}.parquet", "-q"])
    theirs = output([python, "-c", FAISS, out, "river"]).split()
    _, ours = server.client().ask("POST", "/v1/spaces/en/search", {"id": "river", "k": 5, "exact": True})
    ours = [hit["id"] for hit in ours["hits"]]
    print(f"faiss finds near 'river' {theirs}, we {ours}")
    good &= theirs == ours

    document = PLACE / "openapi.json"
    document.write_text(json.dumps(server.client().ask("GET", "/openapi.json")[1]))
    told = subprocess.run([python.parent / "openapi-spec-validator", document], capture_output=True, text=True)
    print(told.stdout.strip() or told.stderr.strip())
    good &= told.returncode == 0
    good &= server.end() == 0

    # Generated requests, of which many make sense: the space and its map by name, vectors of its dimension, some of its items.
    asked = PLACE / "asked.space"
    shutil.rmtree(asked, ignore_errors=True)
    shutil.copytree(learned, asked)
    output([PROGRAM, "map", asked, "--method", "pca", "-q"])
    server = Server(asked)
    (PLACE / "asked.json").write_text(json.dumps(sensible(json.loads(document.read_text()))))
    end = time.monotonic() + 60 * args.minutes
    seed, cases = args.seed, 0
    while time.monotonic() < end:
        command = [python.parent / "schemathesis", "run", PLACE / "asked.json", "--url", server.address, "--checks", "not_a_server_error", "--max-examples", "300", "--seed", str(seed), "--max-failures", "5", "--no-color"]
        told = subprocess.run(command, capture_output=True, text=True, cwd=PLACE)
        cases += sum(int(n) for n in re.findall(r"(\d+) generated", told.stdout))
        if told.returncode != 0:
            print(told.stdout[-4000:], told.stderr[-2000:])
            good = False
            break
        seed += 1
    print(f"schemathesis: {args.minutes} minutes, seeds {args.seed} to {seed - 1}, {cases:,} cases, {'no server error' if good else 'failed'}")
    good &= server.end() == 0
    return good


def main():
    args = arguments()
    PLACE.mkdir(parents=True, exist_ok=True)
    good = {"load": load, "hostile": hostile, "kill": kill, "clients": clients}[args.trial](args)
    print(f"{machine()}\n`python3 bench/compare/serve.py {' '.join(sys.argv[1:])}`")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
