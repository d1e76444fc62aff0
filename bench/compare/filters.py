#!/usr/bin/env python3
"""Searches that only some rows may answer, beside faiss: recall@10 and queries a second by the share that is let through.

A share is spread at random over all vectors, or gathered: those nearest to the first query. Both indexes hold the same
vectors and get the same filter, made before; each answers on one thread at the same effort, round after round in turn.

    python3 bench/compare/filters.py --data mnist
    python3 bench/compare/filters.py --data mixture
"""

import json
import statistics
import sys
import time

import index
from index import Faiss, Latlas, build, data, faiss, np
from measure import machine, say, versions, wait_for_quiet

SHARES = (0.001, 0.01, 0.1, 0.5)


class FaissFiltered(Faiss):
    def allow(self, rows, n, folder):
        bits = np.zeros(n, bool)
        bits[rows] = True
        self.bits = np.packbits(bits, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self.bits)

    def search(self, queries, effort, args):
        params = faiss.SearchParametersHNSW(sel=self.selector, efSearch=max(effort, args.k))
        begun = time.perf_counter()
        rows = self.index.search(queries, args.k, params=params)[1]
        return time.perf_counter() - begun, rows


class LatlasFiltered(Latlas):
    def allow(self, rows, n, folder):
        path = folder / "allowed.u32"
        rows.astype("<u4").tofile(path)
        self.ask(f"allow {path}")


def main():
    parser = index.parser(__doc__)
    parser.add_argument("--effort", type=int, default=80)
    args = index.checked(parser)
    args.binary = args.binary or build()
    vectors, queries, files = data(args)
    wait_for_quiet(args.load)
    tools = [LatlasFiltered("latlas-bytes", {"precision": "bytes", "links": args.links, **json.loads(args.options)}, args, files), FaissFiltered()]
    for tool in tools:
        tool.build(vectors, args)
        say(f"{tool.name}: built")
    random = np.random.default_rng(3)
    norms = (vectors.astype(np.float64) ** 2).sum(axis=1)
    lines = ["| let through | | " + " | ".join(f"{tool.name}: recall | queries a second" for tool in tools) + " |", "|---" * (2 + 2 * len(tools)) + "|"]
    for share in SHARES:
        count = int(share * len(vectors))
        near = np.argsort(norms - 2 * vectors @ queries[0].astype(np.float64))[:count]
        for kind, rows in (("spread", random.permutation(len(vectors))[:count]), ("gathered", near)):
            rows = np.sort(rows)
            flat = faiss.IndexFlatL2(vectors.shape[1])
            flat.add(vectors[rows])
            truth = rows[flat.search(queries, args.k)[1]]
            found, seconds = {}, {tool.name: [] for tool in tools}
            for tool in tools:
                tool.allow(rows, len(vectors), files[0].parent)
            for _ in range(args.rounds):
                for tool in tools:
                    took, answer = tool.search(queries, args.effort, args)
                    seconds[tool.name].append(took)
                    found[tool.name] = np.mean([len(np.intersect1d(a, b)) for a, b in zip(answer, truth)]) / args.k
            cells = [f"{found[tool.name]:.4f} | {len(queries) / statistics.median(seconds[tool.name]):,.0f}" for tool in tools]
            lines.append(f"| {100 * share:g} % | {kind} | " + " | ".join(cells) + " |")
            say(lines[-1])
    lines += ["", f"{len(vectors):,} × {vectors.shape[1]}, {len(queries):,} queries, k = {args.k}, effort {args.effort}, {args.links} links, one thread; median of {args.rounds} rounds. "
              f"{versions(sys.executable, ['faiss-cpu', 'numpy'])}. {machine()}.", f"`python3 bench/compare/filters.py {' '.join(sys.argv[1:])}`"]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
