"""What is measured by programs of this package: engines, the store alone, sockets, memory, instructions."""
import json
import os
import re
import shutil
import subprocess
from statistics import median

from report import Table, number
from servers import BINARY, ROOT, ChatServer, Missing, OwnSockets, PythonSockets, resident_bytes, tool


def records(bench, program, *arguments, **options):
    """Runs a program of this package and gives its records; what it says to people goes to the log."""
    environment = {**os.environ, "BENCH_RECORDS": "1", "TMPDIR": str(bench.run)}
    done = subprocess.run([str(tool(program)), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=environment, **options)
    with open(bench.run / f"{program}.log", "a") as log:
        log.write(done.stdout)
    if done.returncode:
        raise RuntimeError(f"{program} {' '.join(map(str, arguments))}: {done.stdout[-600:]}")
    return [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("@{")]


def engines(bench):
    small = ["--small"] if bench.quick else []
    found = records(bench, "engine-benchmark", "append", "--seconds", bench.seconds * 0.75, "--rounds", bench.rounds)
    table = Table("engine-append", "Durable appends at the engine", "appends/s",
                  "Values of 500 B of JSON, each with an update of its session's row, in one atomic write that is on the disk "
                  "when it returns. RocksDB: sync WAL, pipelined writes, recycled logs, LZ4, bloom filters; SQLite: WAL, "
                  "synchronous=FULL, one shared connection; LMDB: its default. The device: 4 KiB appended and fdatasync, one "
                  "at a time. Latencies in microseconds. Syncs are all fdatasync, fsync and msync of the process in these "
                  "rounds; LMDB also writes a page through a descriptor opened with O_DSYNC at each commit. Writers have a "
                  "thread each; on 2 loops they have none, but wait for a completion, as the server's connections do.",
                  bench.command("engines"))
    device = [entry for entry in found if entry["record"] == "engine.device"]
    for writers in (1, 64):
        load = f"{writers} writer{'s' if writers > 1 else ''}"
        if writers == 1:
            table.add(load, "the device", [entry["perSecond"] for entry in device],
                      p50=number(median(entry["p50"] for entry in device)),
                      p99=number(median(entry["p99"] for entry in device)), appends_a_sync="1")
        for subject in ("chat-server", "chat-server, 2 loops", "RocksDB", "SQLite", "LMDB"):
            rows = [entry for entry in found if entry["record"] == "engine.append" and entry["subject"] == subject
                    and entry["writers"] == writers]
            if not rows:
                continue
            syncs = sum(entry["syncs"] for entry in rows)
            appends = sum(entry["appends"] for entry in rows)
            table.add(load, subject, [entry["perSecond"] for entry in rows],
                      p50=number(median(entry["p50"] for entry in rows)),
                      p99=number(median(entry["p99"] for entry in rows)),
                      syncs=number(syncs), appends_a_sync=number(appends / syncs))
    bench.add(table)
    for peer, wanted in (("RocksDB", 3), ("SQLite", 8)):
        bench.goal(f"engine, durable append, 64 writers, {peer}", f"≥ {wanted} × {peer}",
                   bench.quotient(table, "64 writers", peer), lambda value, wanted=wanted: value >= wanted, "×")
    on_loops, rocks = table.find("64 writers", "chat-server, 2 loops"), table.find("64 writers", "RocksDB")
    bench.goal("the same with the store's writers on 2 loops", "≥ 3 × RocksDB", on_loops / rocks if rocks else None,
               lambda value: value >= 3, "×")
    bench.goal("engine, durable append, 1 writer", "≥ 0.9 of 1 / fdatasync time",
               bench.quotient(table, "1 writer", "the device"), lambda value: value >= 0.9, "×")

    found = records(bench, "engine-benchmark", "read", "--rounds", bench.rounds, *small)
    cold = Table("engine-read-cold", "The newest 50 of a random session at the engine, cold", "us",
                 "25 random sessions a round; the engine opened anew and its files dropped from the page cache before. Mean "
                 "of a round; the sessions' entries were written in turns.", bench.command("engines"), rises=False)
    hot = Table("engine-read-hot", "The same, hot", "reads/s", "One reader.", bench.command("engines"))
    size = Table("engine-size", "Room of these entries on the disk", "bytes an entry",
                 "Entries of 300 B with 24 B or less of keys; after each engine's own compaction, checkpoint or vacuum.",
                 bench.command("engines"), rises=False)
    for subject in ("chat-server", "RocksDB", "SQLite", "LMDB"):
        rows = [entry for entry in found if entry["record"] == "engine.read" and entry["subject"] == subject]
        cold.add("50 entries", subject, [entry["coldMean"] for entry in rows],
                 p50=number(median(entry["coldP50"] for entry in rows)),
                 p90=number(median(entry["coldP90"] for entry in rows)))
        hot.add("50 entries", subject, [entry["hotPerSecond"] for entry in rows])
        entry = next(entry for entry in found if entry["record"] == "engine.size" and entry["subject"] == subject)
        size.add(f"{entry['entries']:,.0f} entries", subject, [entry["perEntry"]],
                 directory=number(entry["directoryBytes"] / entry["entries"]))
    bench.add(cold, hot, size)
    for peer, wanted in (("RocksDB", 1.5), ("SQLite", 1)):
        bench.goal(f"engine, last 50 of a random cold session, {peer}", f"≥ {wanted} × {peer}",
                   bench.quotient(cold, "50 entries", peer), lambda value, wanted=wanted: value >= wanted, "×")
    bench.goal("bytes on disk per message", "≤ RocksDB with LZ4",
               1 / bench.quotient(size, size.rows[0].load, "RocksDB"), lambda value: value <= 1, "×")


def store(bench):
    small = ["--small"] if bench.quick else []
    found = records(bench, "store-benchmark", "length", *small)
    table = Table("append-by-length", "Durable appends by the length of the session", "us",
                  "Messages of 500 B appended in turn to sessions of so many messages; median, each column one run.",
                  bench.command("store"), rises=False)
    for entry in found:
        table.add(f"{entry['length']:,.0f} messages", "chat-server", [entry["p50"]], **{
            "p99": number(entry["p99"]), "first after opening, cold": number(entry["firstP50"])})
    bench.add(table)
    bench.goal("append to a session of 1 M messages / of 10", "≤ 1.1 ×", found[-1]["p50"] / found[0]["p50"],
               lambda value: value <= 1.1, "×")
    found = records(bench, "store-benchmark", "amplification", *(small or ["--mebibytes", "256"]))[0]
    table = Table("write-amplification", "Bytes written for each byte stored", "bytes a byte",
                  f"{found['rawBytes'] / 2**20:,.0f} MiB of messages of 100 to 900 B in batches of 64, "
                  f"{found['flushes']:.0f} flushes and {found['merges']:.0f} merges; counted, not timed.",
                  bench.command("store"), rises=False)
    parts = [("log", found["log"]), ("flushes", found["flushed"]), ("merges", found["merged"])]
    for name, value in parts + [("together", sum(value for _, value in parts)), ("on disk", found["onDisk"])]:
        table.add(name, "chat-server", [value])
    bench.add(table)
    bench.goal("bytes written per byte stored (log + flush + merges)", "≤ 3.0", sum(value for _, value in parts),
               lambda value: value <= 3, "")


def scale(bench):
    """Start-up after SIGKILL, and memory, by how much is stored."""
    opened = Table("start-up", "Start-up after SIGKILL", "ms",
                   "From starting the process until GET /health is answered; messages of 200 B, ten in a session. Before, a "
                   "writer was killed that had a log of about 38 MiB behind its last flush.", bench.command("scale"),
                   rises=False)
    memory = Table("memory-by-size", "Resident memory by how much is stored", "MiB",
                   "Proportional set size of the server right after that start, the replayed log in it; and the most that a "
                   "process with the store alone had while it read 6,400 lists, sessions and pages and appended 2,000 "
                   "messages (cache of 64 MiB).", bench.command("scale"), rises=False)
    for sessions in bench.sizes:
        path = bench.run / f"scale-{sessions}"
        records(bench, "store-benchmark", "scale-load", path, "--sessions", sessions)
        with subprocess.Popen([str(tool("store-benchmark")), "scale-write", str(path)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as writer:
            begun = writer.stdout.readline()
            writer.kill()
        if not begun:
            raise RuntimeError("the writer ended by itself")
        load = f"{sessions:,} sessions, {10 * sessions:,} messages"
        times, after = [], []
        for _ in range(bench.rounds):
            server = ChatServer(path)
            times.append(1000 * server.start())
            after.append(server.resident() / 2**20)
            server.kill()
        found = records(bench, "store-benchmark", "scale-measure", path, "--sessions", sessions)
        opened.add(load, "chat-server", times)
        memory.add(load, "server, after the start", after)
        memory.add(load, "store, at most while it is read", [found[0]["mostMiB"]])
        shutil.rmtree(path)
    bench.add(opened, memory)
    bench.goal("open after kill -9, any size", "≤ 1 s", opened.rows[-1].median / 1000, lambda value: value <= 1, "s")
    bench.goal("resident memory, 10 M sessions / 100 M messages",
               f"≤ 256 MB incl. cache (measured: {bench.sizes[-1]:,} and {10 * bench.sizes[-1]:,})",
               memory.rows[-1].median * 2**20 / 1e6,
               lambda value: value <= 256, "MB")


def sockets(bench):
    count = 100 if bench.quick else 1000
    fan = Table("fan-out", f"One message to {count:,} sockets", "deliveries/s",
                "Socket.IO over WebSockets; one client thread with epoll reads them all, for each server alike. Times from "
                "sending until a socket has the message, and until the last one has it.", bench.command("sockets"))
    memory = Table("socket-memory", "Memory of an idle socket", "KiB", f"Growth of the server's anonymous memory by "
                   f"{count:,} joined sockets.", bench.command("sockets"), rises=False)
    kinds = [OwnSockets]
    try:
        PythonSockets()
        kinds.append(PythonSockets)
    except Missing as reason:
        bench.skip(str(reason))
    results = {kind: ([], []) for kind in kinds}
    for _ in range(bench.rounds):
        for kind in kinds:
            server = kind()
            server.start()
            before = resident_bytes([server.process.pid], "Anonymous")
            environment = {**os.environ, "BENCH_RECORDS": "1"}
            with subprocess.Popen([str(tool("socket-benchmark")), "load", str(server.port), str(count), "20"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as load:
                if load.stdout.readline() != "ready\n":
                    raise RuntimeError(f"{server.name}: the sockets could not be connected")
                results[kind][1].append((resident_bytes([server.process.pid], "Anonymous") - before) / count / 1024)
                output, _ = load.communicate("\n", timeout=120)
            found = [json.loads(line[1:]) for line in output.splitlines() if line.startswith("@{")]
            if not found:
                raise RuntimeError(f"{server.name}: {output}")
            results[kind][0].append(found[0])
            server.kill()
    for kind in kinds:
        rows, sizes = results[kind]
        fan.add(f"{count:,} sockets", kind.name, [row["deliveriesPerSecond"] for row in rows], **{
            "p50, ms": number(median(row["p50"] for row in rows) / 1000),
            "p99, ms": number(median(row["p99"] for row in rows) / 1000),
            "last, ms": number(median(row["lastP50"] for row in rows) / 1000)})
        memory.add("one socket", kind.name, sizes)
    bench.add(fan, memory)
    bench.goal("idle WebSocket", "≤ 8 KB each", memory.find("one socket", "chat-server") * 1.024,
               lambda value: value <= 8, "KB")


def device(bench):
    """The bench verb, as a user runs it: the device beside the server."""
    table = Table("device", "What the device can do", "a second",
                  "By `chat-server bench`, 64 connections: appends with fdatasync as large as the mean commit group, and 1 MiB "
                  "writes with one sync at the end, in MB.", bench.command("device"))
    found = []
    for _ in range(bench.rounds):
        output = subprocess.run([str(BINARY), "bench", "--data-dir", str(bench.run / "device"), "--connections", "64",
                                 "--seconds", str(bench.seconds), "--json"], check=True, stdout=subprocess.PIPE).stdout
        found.append(json.loads(output))
    sizes = median(entry["device"]["syncedWriteBytes"] for entry in found)
    table.add("synced appends", f"{sizes:,.0f} B", [entry["device"]["syncsPerSecond"] for entry in found])
    table.add("sequential", "MB", [entry["device"]["sequentialBytesPerSecond"] / 1e6 for entry in found])
    table.add("save-message", "chat-server", [entry["requestsPerSecond"] for entry in found], **{
        "syncs": number(sum(entry["syncs"] for entry in found)),
        "messages a sync": number(median(entry["meanGroup"] for entry in found))})
    bench.add(table)


LOOPS = ("save", "history", "list", "history-tables", "list-tables")


def guard(bench):
    """Instructions and allocations of the core loops, counted by callgrind, against Benchmarks/baseline.json.

    Each loop runs twice, the second time twice as often; the difference is what one turn costs, without start and end.
    """
    if not shutil.which("valgrind"):
        return bench.skip("valgrind is not installed: no guard")
    baseline = json.loads((ROOT / "Benchmarks" / "baseline.json").read_text())
    table = Table("guard", "Cost of the core loops", "instructions",
                  f"Counted by callgrind, so equal on every run; kept in Benchmarks/baseline.json, tolerance "
                  f"{100 * baseline['tolerance']:.0f} %.", bench.command("guard"), rises=False)
    failures = []
    for loop in LOOPS:
        counts = [callgrind(bench, loop, turns) for turns in (200, 400)]
        instructions, allocations = [(counts[1][place] - counts[0][place]) / 200 for place in (0, 1)]
        known = baseline["loops"].get(loop)
        table.add(loop, "chat-server", [instructions], allocations=number(allocations),
                  baseline=number(known["instructions"]) if known else "none",
                  its_allocations=number(known["allocations"]) if known else "none")
        bench.guard[loop] = {"instructions": round(instructions), "allocations": round(allocations, 1)}
        for name, value in bench.guard[loop].items():
            if known and value > known[name] * (1 + baseline["tolerance"]) + 1:
                failures.append(f"{loop}: {value} {name}, {known[name]} before")
    bench.add(table)
    if failures:
        bench.failures += failures


def callgrind(bench, loop, turns):
    """Instructions, and calls of malloc and its kin, of a whole run."""
    path = bench.run / f"callgrind-{loop}-{turns}"
    subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={path}", str(tool("core-loops")), loop,
                    str(turns)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(bench.run)})
    instructions, allocations, callee, names = 0, 0, "", {}
    with open(path) as file:
        for line in file:
            if line.startswith("summary:") or line.startswith("totals:"):
                instructions = int(line.split()[1])
            elif line.startswith(("fn=", "cfn=")):
                key, _, name = line.strip().partition("=")[2].partition(" ")
                if name:
                    names[key] = name
                if line.startswith("cfn="):
                    callee = names.get(key, "")
            elif line.startswith("calls=") and re.fullmatch(r"(malloc|calloc|realloc|posix_memalign|aligned_alloc)", callee):
                allocations += int(line[6:].split()[0])
    return instructions, allocations
