"""What the comparisons share: measured processes, a quiet machine, a private environment, a log that survives."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
WORK = HERE / ".work"


def say(text):
    print(text, file=sys.stderr, flush=True)


def measured(command, log):
    """Runs a command to its end. CPU seconds, wall seconds and peak memory are the kernel's own account of the
    process and its children (wait4), start-up included. Output goes to the file `log`; a failure ends the program."""
    with open(log, "wb") as sink:
        begun = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdout=sink, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {process.returncode}; its output is in {log}")
    return {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": wall,
        # Linux counts in kilobytes, macOS in bytes.
        "peak_mb": usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024),
    }


def output(command):
    """What a command prints; a failure ends the program with its message."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def wait_for_quiet(limit):
    """Waits until the machine's load over the last minute is below `limit`; a limit of 0 does not wait."""
    told = False
    while limit > 0 and os.getloadavg()[0] >= limit:
        if not told:
            say(f"waiting for the load to fall below {limit} (now {os.getloadavg()[0]:.1f}); --load 0 does not wait")
            told = True
        time.sleep(10)


def environment(packages, name="venv"):
    """The Python of a private environment that has these packages, made on first use."""
    python = WORK / name / "bin" / "python"
    if not python.exists():
        say(f"making a Python environment with {', '.join(packages)} in {python.parent.parent}")
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    mark = WORK / name / "packages.json"
    if not mark.exists() or json.loads(mark.read_text()) != packages:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        mark.write_text(json.dumps(packages))
    return python


class Log:
    """Finished runs, one JSON object a line, so that an interrupted comparison goes on where it stopped."""

    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        self.runs = [json.loads(line) for line in lines if line.endswith("}")]

    def find(self, **key):
        return next((run for run in self.runs if all(run.get(k) == v for k, v in key.items())), None)

    def add(self, run):
        self.runs.append(run)
        with open(self.path, "a") as file:
            file.write(json.dumps(run) + "\n")
            file.flush()
            os.fsync(file.fileno())


def asked(parser, packages, rounds):
    """Adds the options that comparisons in rounds share."""
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tools", help="only these, separated by commas [all of the method]")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to latlas")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    parser.add_argument("--python", type=Path, help=f"a Python that has {', '.join(packages)}, instead of a private environment")
    parser.add_argument("--fresh", action="store_true", help="forget finished runs")
    parser.add_argument("--output", type=Path, help="write the table here too")


def in_turn(args, log, tools, run, **key):
    """Every tool by turns, round after round, each round with its own seed: `run(tool, seed)` gives what is logged, under
    `key` too if there is one. What the log has already is not run again."""
    for seed in range(1, args.rounds + 1):
        # Whoever goes first meets a machine in another state: they take turns.
        for tool in tools if seed % 2 else reversed(tools):
            if log.find(tool=tool, seed=seed, **key):
                continue
            wait_for_quiet(args.load)
            say(", ".join([*key.values(), f"round {seed} of {args.rounds}: {tool}"]))
            log.add({"tool": tool, "seed": seed, **key, **run(tool, seed)})


def versions(python, packages):
    """The versions that an environment has of these packages, as one line."""
    script = "import sys; from importlib.metadata import version; print(*[f'{p} {version(p)}' for p in sys.argv[1:]], sep=', ')"
    return output([python, "-c", script, *[package.split("==")[0] for package in packages]]).strip()


def publish(text, *paths):
    """Prints a report and writes it to those of the paths that are given."""
    print(text)
    for path in paths:
        if path:
            path.write_text(text + "\n")


def spread(values, digits):
    """Mean ± standard deviation (of the sample; left out for a single value)."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def machine():
    """The processor, its cores as the program may use them, memory and system."""
    processor = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"
