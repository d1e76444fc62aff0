#!/usr/bin/env python3
"""`kill -9` at random moments: the target is absent, the old one or the new one, and a killed training goes on.

A corpus with planted likeness is generated, long enough that `latlas learn word2vec` takes about `--seconds`.
Three quarters of the kills hit learning (a checkpoint every half second), the rest `latlas convert`, into a space and
into a word2vec file. Before each, the target is absent or an old one, by turns. After it, whatever stands there must
be the old one byte for byte or a new one that is whole: a space passes `latlas check`, a file equals one converted in
peace. Some of the killed trainings are resumed: with one thread to the very bytes of an uninterrupted run, with two
to its agreement with what was planted.

    python3 bench/compare/kill.py --kills 200 --resumes 20
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from measure import REPOSITORY, machine, output, say

ROLES, TOPICS, PAIRS = 6, 40, 4000
# The share of context words that tell nothing.
NOISE = 0.75


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--resumes", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long an uninterrupted training takes")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and of the corpus")
    parser.add_argument("--keep", action="store_true", help="keep the folder of spaces and corpora")
    return parser.parse_args()


def write_corpus(path, sentences, dice):
    """Sentences about a role and a topic, with the word "r2-t5" of their crossing among words of either."""
    with open(path, "w") as file:
        for _ in range(sentences):
            role, topic = dice.randrange(ROLES), dice.randrange(TOPICS)
            words = []
            for _ in range(2):
                of = role if dice.random() > NOISE else dice.randrange(ROLES)
                words.append(f"role{of}-{dice.randrange(20)}")
                of = topic if dice.random() > NOISE else dice.randrange(TOPICS)
                words.append(f"topic{of}-{dice.randrange(20)}")
            words.insert(dice.randrange(1, 4), f"r{role}-t{topic}")
            file.write(" ".join(words) + "\n")


def write_pairs(path, dice):
    """Pairs of crossings and how much they have in common, as people's judgements would stand in a file."""
    with open(path, "w") as file:
        for _ in range(PAIRS):
            (r, s), (x, y) = dice.sample(range(ROLES), 2), dice.sample(range(TOPICS), 2)
            common = dice.choice(["nothing", "role", "topic"])
            other = {"nothing": (s, y), "role": (r, y), "topic": (s, x)}[common]
            score = {"nothing": 0, "role": 1, "topic": 2}[common]
            file.write(f"r{r}-t{x}\tr{other[0]}-t{other[1]}\t{score}\n")


def write_vectors(path, rows, dim, dice):
    block = struct.pack(f"<{dim * 64}f", *(dice.gauss(0, 1) for _ in range(dim * 64)))
    with open(path, "wb") as file:
        file.write(f"{rows} {dim}\n".encode())
        for row in range(rows):
            start = row % 64 * dim * 4
            file.write(f"id{row} ".encode() + block[start : start + dim * 4] + b"\n")


class Trial:
    def __init__(self, args, folder):
        self.args, self.folder, self.dice = args, folder, random.Random(args.seed)
        self.corpus, self.pairs, self.vectors = folder / "corpus.txt", folder / "pairs.txt", folder / "big.bin"
        self.target, self.file = folder / "target.space", folder / "target.txt"
        self.counts = Counter()
        self.failures = []

    def learn(self, threads, *more, seed=7, epochs=5):
        return [self.args.latlas, "learn", "word2vec", self.corpus, "-o", self.target, "--tokenizer", "whitespace",
                "--dim", "48", "--epochs", str(epochs), "--set", "sample=0", "--checkpoint-every", "0.5",
                "--seed", str(seed), "--threads", str(threads), "--progress", "none", *more]

    def agreement(self, space):
        command = [self.args.latlas, "eval", space, self.pairs, "--suite", "words", "--json"]
        results = json.loads(output(command))["results"]
        return next(result["value"] for result in results if result["name"] == "pairs")

    def prepare(self):
        """The corpus, sized by a first run; what uninterrupted runs give; the old space and the old file."""
        sentences = 60_000
        for _ in range(3):
            write_corpus(self.corpus, sentences, random.Random(self.args.seed))
            took = timed(self.learn(1))
            if 0.7 < took / self.args.seconds < 1.4:
                break
            say(f"training on {sentences} sentences takes {took:.1f} s")
            sentences = int(sentences * min(10, max(0.1, self.args.seconds / took)))
        self.took = {1: took}
        write_pairs(self.pairs, self.dice)
        self.whole = vectors(self.target)
        self.expected = [self.agreement(self.target)]
        for seed in range(3):
            self.took[2] = timed(self.learn(2, seed=100 + seed))
            self.expected.append(self.agreement(self.target))
        timed(self.learn(1, seed=9, epochs=1))
        self.old = self.folder / "old.space"
        remove(self.old)
        self.target.rename(self.old)
        write_vectors(self.vectors, 60_000, 100, self.dice)
        self.new_file = self.folder / "new.txt"
        self.convert_took = {
            "space": timed([self.args.latlas, "convert", self.vectors, self.target, "--progress", "none"]),
            "file": timed([self.args.latlas, "convert", self.vectors, self.new_file, "--progress", "none"]),
        }
        self.new_hash = digest(self.new_file)
        self.old_file = self.folder / "old.txt"
        output([self.args.latlas, "convert", self.old, self.old_file])
        self.old_hash = digest(self.old_file)
        say(f"training takes {self.took[1]:.1f} s, {self.took[2]:.1f} s on two threads, converting {self.convert_took['space']:.1f} s to a space and "
            f"{self.convert_took['file']:.1f} s to a file; Spearman of whole runs "
            f"{', '.join(f'{value:.3f}' for value in self.expected)}")

    def kill(self, command, limit):
        """Whether the process was still running when it was killed."""
        with open(self.folder / "log", "wb") as log:
            process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        # Any moment; and one in three near the end, where the result is published in a few milliseconds.
        time.sleep(limit * self.dice.choice([self.dice.uniform(0, 1)] * 2 + [self.dice.uniform(0.9, 1.1)]))
        process.send_signal(signal.SIGKILL)
        code = process.wait()
        if code not in (0, -signal.SIGKILL):
            self.failures.append(f"{command[1]} ended with {code}: {(self.folder / 'log').read_text()[-300:]}")
        return code != 0

    def start(self, number):
        """Puts the old target or none in place; True if there is an old one."""
        remove(self.target)
        remove(self.target.with_name(self.target.name + ".work"))
        remove(self.file)
        if number % 2:
            shutil.copytree(self.old, self.target)
            shutil.copy(self.old_file, self.file)
        return bool(number % 2)

    def state(self, kind, had_old, killed):
        """What stands at the target: "absent", "old" or "new"; anything else is a failure."""
        if kind == "file":
            found = digest(self.file) if self.file.exists() else None
            state = {None: "absent", self.old_hash: "old", self.new_hash: "new"}.get(found, "torn")
        elif not self.target.exists():
            state = "absent"
        elif not (self.target / "space.json").exists():
            state = "torn"
        else:
            same = (self.target / "space.json").read_bytes() == (self.old / "space.json").read_bytes()
            check = subprocess.run([self.args.latlas, "check", self.target], capture_output=True, text=True)
            state = "torn" if check.returncode else "old" if same else "new"
            if check.returncode:
                self.failures.append(f"{kind}: check says {check.stdout} {check.stderr}")
        wrong = state == "torn" or (state == "absent" and had_old) or (state == "old" and not had_old)
        if wrong or (not killed and state != "new"):
            self.failures.append(f"{kind}: the target was {'old' if had_old else 'absent'}, "
                                 f"the process {'was killed' if killed else 'ended'}, and found was: {state}")
        self.counts[kind, state] += 1
        return state

    def resume(self, threads):
        done = subprocess.run([str(p) for p in self.learn(threads, "--resume")], capture_output=True, text=True)
        if done.returncode:
            self.failures.append(f"resuming ended with {done.returncode}: {done.stderr}")
            return
        self.state("resumed", False, False)
        if threads == 1 and vectors(self.target) != self.whole:
            self.failures.append("resumed on one thread, and the vectors differ from an uninterrupted run's")
        self.resumed.append(self.agreement(self.target))
        self.counts["resumed", f"{threads} threads"] += 1

    def run(self):
        self.resumed = []
        learning = self.args.kills * 3 // 4
        for number in range(learning):
            threads = 1 + number // 2 % 2
            had_old = self.start(number)
            killed = self.kill(self.learn(threads), self.took[threads])
            state = self.state("learn", had_old, killed)
            kept = list(self.target.with_name(self.target.name + ".work").glob("checkpoints/*.part"))
            # Spread over the trials, so that all moments are met.
            if killed and state != "new" and kept and len(self.resumed) <= self.args.resumes * number // learning:
                self.resume(threads)
            if (number + 1) % 25 == 0:
                say(f"{number + 1} of {learning} trainings killed, {len(self.resumed)} resumed, "
                    f"{len(self.failures)} failures")
        for number in range(self.args.kills - learning):
            kind = ("space", "file")[number // 2 % 2]
            had_old = self.start(number)
            to = self.target if kind == "space" else self.file
            command = [self.args.latlas, "convert", self.vectors, to, "--progress", "none"]
            self.state(kind, had_old, self.kill(command, self.convert_took[kind]))

    def report(self):
        names = {"learn": "learn word2vec", "space": "convert to a space", "file": "convert to a file"}
        lines = ["| killed | times | absent | old | new | torn |", "|---|---|---|---|---|---|"]
        for kind, name in names.items():
            states = [self.counts[kind, state] for state in ("absent", "old", "new", "torn")]
            lines.append(f"| {name} | {sum(states)} | " + " | ".join(map(str, states)) + " |")
        low = min(self.expected) - 0.01
        if self.resumed:
            lines.append("")
            lines.append(f"Resumed to the end: {len(self.resumed)} ({self.counts['resumed', '1 threads']} on one thread, to the "
                         f"bytes of an uninterrupted run); agreement with what was planted (Spearman) "
                         f"{statistics.fmean(self.resumed):.4f}, lowest {min(self.resumed):.4f}; uninterrupted "
                         f"{statistics.fmean(self.expected):.4f}, lowest {min(self.expected):.4f}.")
            if min(self.resumed) < low:
                self.failures.append(f"a resumed run agrees by {min(self.resumed):.4f} only")
        if len(self.resumed) < self.args.resumes:
            self.failures.append(f"only {len(self.resumed)} of {self.args.resumes} trainings were resumed: more kills are needed")
        lines.append(f"Failures: {len(self.failures)}. {output([self.args.latlas, '--version']).strip()}. {machine()}.")
        print("\n".join([*lines, *(f"- {failure}" for failure in self.failures)]))
        return not self.failures


def vectors(space):
    """The hash of a space's vectors, whatever its generation."""
    files = json.loads((space / "space.json").read_text())
    newest = max(space.glob("main-*.npy"), key=lambda path: path.name)
    assert newest.name in json.dumps(files), f"{newest} is not in space.json"
    return digest(newest)


def digest(path):
    return hashlib.blake2b(path.read_bytes()).hexdigest()


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def timed(command):
    begun = time.monotonic()
    output(command)
    return time.monotonic() - begun


def main():
    args = arguments()
    if not args.latlas.exists():
        sys.exit(f"{args.latlas} is not there; cargo build --release")
    folder = Path(tempfile.mkdtemp(prefix="latlas-kill-"))
    try:
        trial = Trial(args, folder)
        trial.prepare()
        trial.run()
        sys.exit(0 if trial.report() else 1)
    finally:
        if args.keep:
            say(f"kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
