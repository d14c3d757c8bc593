"""`make bench` and `make bench-quick`: runs the parts, writes the tables and their plots.

    run.py [--quick] [--parts a,b] [--rounds N] [--seconds S] [--sessions N] [--accept]

The whole writes Benchmarks/RESULTS.md and Benchmarks/plots; anything less writes below .build/bench/results. `--sessions`
has the part `scale` measure a store of that size alone. `--accept` takes the counts of the guard over into
Benchmarks/baseline.json.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import http_parts
import native_parts
from report import number, plot
from servers import BINARY, ROOT, VENV, WORK, Postgres, Server

PARTS = {
    "engines": native_parts.engines, "orion": http_parts.orion, "health": http_parts.health, "aivo": http_parts.aivo,
    "sockets": native_parts.sockets, "store": native_parts.store, "scale": native_parts.scale,
    "device": native_parts.device, "guard": native_parts.guard,
}


class Bench:
    def __init__(self, options):
        self.quick = options.quick
        self.rounds = options.rounds or (1 if options.quick else 5)
        self.seconds = options.seconds or (1 if options.quick else 2)
        self.sizes = [options.sessions] if options.sessions else (
            [1000, 20_000] if options.quick else [10_000, 100_000, 1_000_000])
        self.run = self.directory()
        self.tables, self.goals, self.skipped, self.failures, self.guard = [], [], [], [], {}
        self.servers = []

    @staticmethod
    def directory():
        """Where all data goes. PostgreSQL, which is no root's program, has to get there too."""
        place = WORK / "run"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        place.chmod(0o755)
        if os.geteuid() == 0 and subprocess.run(
                ["runuser", "-u", "postgres", "--", "test", "-x", str(place)], stderr=subprocess.DEVNULL).returncode:
            place = pathlib.Path(tempfile.mkdtemp(prefix="chat-bench-", dir="/var/tmp"))
            place.chmod(0o755)
        return place

    @staticmethod
    def stop_all():
        """Whatever is still running, also after an error."""
        for server in Server.running[:]:
            server.kill()
        for postgres in Postgres.running[:]:
            postgres.stop()

    def note(self, words):
        print(f"[{time.strftime('%H:%M:%S')}] {words}", flush=True)

    def skip(self, reason):
        self.note(f"skipped: {reason}")
        self.skipped.append(reason)

    def add(self, *tables):
        for table in tables:
            if table.rows:
                self.tables.append(table)
                print(table.markdown(), flush=True)

    def command(self, part):
        return f"make bench BENCH='--parts {part}'"

    def quotient(self, table, load, peer):
        ours, theirs = table.find(load, table.ours), table.find(load, peer)
        if not ours or not theirs:
            return None
        return ours / theirs if table.rises else theirs / ours

    def goal(self, what, wanted, value, holds, unit):
        if value is not None:
            self.goals.append((what, wanted, f"{number(value)} {unit}".strip(), "yes" if holds(value) else "**no**"))


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        return next((line.strip() for line in done.stdout.splitlines() if line.strip()), "")
    except OSError:
        return ""


def package(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return done.stdout.strip() or "none"


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)[1]) / 2**20
    file_system = ", ".join(first_line("findmnt", "-n", "-o", "FSTYPE,OPTIONS", "-T", str(WORK)).split())
    return [f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, {memory:.0f} GiB of memory, Linux "
            f"{platform.release()}, {file_system}",
            f"load average at the start {os.getloadavg()[0]:.2f}"]


def versions():
    modules = WORK / "node" / "usr"
    node = (f"{modules}/share/nodejs:{modules}/lib/{os.uname().machine}-linux-gnu/nodejs")
    express = subprocess.run(
        ["node", "-p", "require('express/package.json').version + ', pg ' + require('pg/package.json').version"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "NODE_PATH": node}
    ).stdout.strip() if shutil.which("node") else ""
    python = ""
    if VENV.exists():
        frozen = subprocess.run([str(VENV), "-m", "pip", "freeze"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True).stdout
        wanted = ("fastapi", "uvicorn", "uvloop", "httptools", "asyncpg", "python-socketio")
        python = ", ".join(line.replace("==", " ") for line in frozen.splitlines() if line.lower().startswith(wanted))
    commit = first_line("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    return [f"{first_line(str(BINARY), 'version')} at {commit}, {first_line('swift', '--version')}",
            f"PostgreSQL {package('postgresql-15')}, nginx {package('nginx-light')}, wrk {package('wrk')}",
            f"RocksDB {package('librocksdb-dev')}, LMDB {package('liblmdb-dev')}, SQLite {package('libsqlite3-dev')}",
            f"Node {first_line('node', '--version')}, express {express}", f"{python}"]


def document(bench, about, seconds):
    lines = ["# Results", "", f"Written by `make bench{'-quick' if bench.quick else ''}` on "
             f"{datetime.datetime.now(datetime.timezone.utc):%d %B %Y, %H:%M} UTC, in {seconds / 60:.0f} minutes. "
             "[README.md](README.md) says what is compared, and how. Each figure is the median of the rounds, with the "
             "smallest and the largest; within a table the servers take turns, round by round.", ""]
    lines += [f"- {line}" for line in about if line.strip(" ,")]
    lines += [f"- skipped: {reason}" for reason in bench.skipped]
    if bench.goals:
        lines += ["", "## Goals", "", "| what | goal | measured | met |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(goal) + " |" for goal in bench.goals]
    return "\n".join(lines) + "\n\n" + "\n".join(table.markdown() for table in bench.tables)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--parts", default="")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--sessions", type=int)
    options = parser.parse_args()
    parts = [part for part in options.parts.split(",") if part] or list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    # So that what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.time()
    bench = Bench(options)
    Server.logs = bench.run
    about = machine() + versions()
    try:
        for part in parts:
            bench.note(part)
            started = time.time()
            try:
                PARTS[part](bench)
            except Exception as error:
                traceback.print_exc()
                bench.failures.append(f"{part}: {error}")
            finally:
                bench.stop_all()
                bench.note(f"{part} took {time.time() - started:.0f} s")
    finally:
        bench.stop_all()
    whole = parts == list(PARTS) and not bench.quick and not options.sessions and not bench.failures
    target = ROOT / "Benchmarks" if whole else WORK / "results"
    (target / "plots").mkdir(parents=True, exist_ok=True)
    for table in bench.tables:
        (target / "plots" / f"{table.name}.svg").write_text(plot(table))
    (target / "RESULTS.md").write_text(document(bench, about, time.time() - begun))
    if options.accept and bench.guard:
        path = ROOT / "Benchmarks" / "baseline.json"
        known = json.loads(path.read_text())
        known["loops"].update(bench.guard)
        path.write_text(json.dumps(known, indent=2) + "\n")
    if not bench.failures:
        shutil.rmtree(bench.run, ignore_errors=True)
    bench.note(f"{target.relative_to(ROOT)}/RESULTS.md is written, after {time.time() - begun:.0f} s")
    for failure in bench.failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(1 if bench.failures else 0)


main()
