"""What is asked of servers over HTTP. Within a load the servers take turns, round by round."""
import base64
import hashlib
import hmac
import http.client
import json
import random
import subprocess
import time
from statistics import median

from dataset import BASE, PER_SESSION, WRITE_SESSIONS, Dataset
from report import Table, number
from servers import BINARY, ChatServer, Express, FastAPI, Missing, Nginx, Postgres, drop_page_cache, wrk


def prepare_orion(bench):
    """chat-server and PostgreSQL with the same conversations, and the servers in front of it."""
    data = Dataset(100 if bench.quick else 4000)
    lines = bench.run / "import.jsonl"
    data.write_lines(lines)
    store = bench.run / "orion"
    bench.note(f"importing {data.messages} messages")
    subprocess.run([str(BINARY), "import", str(store), str(lines)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([str(BINARY), "compact", str(store)], check=True, stdout=subprocess.DEVNULL)
    bench.data = data
    bench.chat = ChatServer(store)
    bench.servers = [bench.chat]
    sessions, messages = bench.run / "sessions.tsv", bench.run / "messages.tsv"
    data.write_copies(sessions, messages)
    try:
        for workers in (1, 2):
            # Each with a database of its own, so that its syncs are its own.
            postgres = Postgres(bench.run / f"postgres-{workers}")
            fill(bench, postgres)
            bench.servers.append(Express(postgres, workers))
    except Missing as reason:
        bench.skip(str(reason))
    for server in bench.servers:
        server.start()
    check_the_same(bench)


def fill(bench, postgres):
    postgres.copy("chat_sessions", "session_id, user_id, title, first_message, last_message, message_count, created_at, "
                  "updated_at", bench.run / "sessions.tsv")
    postgres.copy("chat_messages", "message_id, session_id, role, content, created_at", bench.run / "messages.tsv")
    postgres.sql("VACUUM ANALYZE")
    postgres.sql("CHECKPOINT")


def check_the_same(bench):
    """No figure counts if the servers do not answer alike: bodies of reads, the members of a saved message, and the names
    of the headers."""
    first = f"session_{BASE}_h000003"
    calls = [("GET", f"/api/sessions/messages?sessionId={first}", None),
             ("GET", "/api/sessions/list?userId=user1&limit=50", None), ("GET", f"/api/sessions/{first}", None),
             ("POST", "/api/sessions/save-message", json.dumps(
                 {"sessionId": f"session_{BASE}_w000000", "role": "user", "content": "What is a log?"}))]
    own = {"date", "keep-alive", "connection", "transfer-encoding"}
    for method, target, body in calls:
        found = {}
        for server in bench.servers:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request(method, target, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            connection.close()
            names = sorted(name.lower() for name, _ in reply.getheaders() if name.lower() not in own)
            found[server] = (reply.status, names, answer if method == "GET" else list(answer))
        for server in bench.servers[1:]:
            if found[server] != found[bench.chat]:
                raise RuntimeError(f"{server.name} answers {target} differently: {str(found[server])[:600]} instead of "
                                   f"{str(found[bench.chat])[:600]}")


def run_load(bench, table, load, mode, connections, servers, **arguments):
    """All rounds of one load; a round that nobody counts comes first."""
    durable = mode in ("save", "zipf", "mixed", "aivo-save")
    rates, runs, before = {}, {}, {}
    for server in servers:
        if not bench.quick:
            wrk(server, connections, 1, mode, seed=0, **arguments)
        if durable:
            before[server] = server.durability()
    for turn in range(bench.rounds):
        for server in servers:
            found = wrk(server, connections, bench.seconds, mode, seed=turn + 1, **arguments)
            rates.setdefault(server, []).append(found["rate"])
            runs.setdefault(server, []).append(found)
            if durable and turn == bench.rounds - 1:
                after = server.durability()
                before[server] = tuple(b - a for a, b in zip(before[server], after))
    for server in servers:
        more = {"p50, ms": number(median(run["p50"] for run in runs[server]) / 1000),
                "p99, ms": number(median(run["p99"] for run in runs[server]) / 1000)}
        if durable:
            syncs, log, commits = before[server]
            more["syncs"] = number(syncs)
            # PostgreSQL counts a read as a commit too.
            if mode != "mixed":
                more["writes a sync"] = number(commits / syncs) if syncs else ""
                more["log bytes a write"] = number(log / commits) if commits else ""
        table.add(load, server.name, rates[server], **more)


def orion(bench):
    prepare_orion(bench)
    saves = Table("save-message", "Saving messages over HTTP, durable", "requests/s",
                  "`POST /api/sessions/save-message` of orion to one of 1,000 sessions, answered when it is on the disk: "
                  "fdatasync of the log here, synchronous_commit=on there. wrk with one thread on the same two cores. Syncs are "
                  "those of all rounds; PostgreSQL's processes report theirs up to a second late.",
                  bench.command("orion"))
    reads = Table("reads", "Reading over HTTP", "requests/s",
                  "64 connections. A history is 50 messages of a random session, a list 50 sessions of a random user; mixed "
                  "is four histories to each durable save.", bench.command("orion"))
    for connections in (1, 64, 256):
        run_load(bench, saves, f"300 B, {connections} connection{'s' if connections > 1 else ''}", "save", connections,
                 bench.servers, bytes=300)
    for name, size in (("1 kB", 1000), ("16 kB", 16_000)):
        run_load(bench, saves, f"{name}, 64 connections", "save", 64, bench.servers[:2], bytes=size)
    run_load(bench, saves, "300 B, 64, sessions by Zipf", "zipf", 64, bench.servers[:2], sessions=WRITE_SESSIONS)
    for load, mode in (("history of 50", "history"), ("list of 50 sessions", "list"), ("mixed 80/20", "mixed")):
        run_load(bench, reads, load, mode, 64, bench.servers, sessions=bench.data.sessions, users=bench.data.users)
    memory = Table("memory", "Memory after these loads", "MiB", "Proportional set size of all processes, PostgreSQL's with "
                   "Express.", bench.command("orion"), rises=False)
    for server in bench.servers[:2]:
        memory.add("after the loads", server.name, [server.resident() / 2**20])
    bench.add(saves, reads, memory)
    goal = "300 B, 64 connections"
    bench.goal("save-message over HTTP, 64 connections, durable", "≥ 30 × Express + pg + PostgreSQL",
               bench.quotient(saves, goal, "Express + PostgreSQL"), lambda value: value >= 30, "×")
    bench.goal("history of 50 messages over HTTP", "≥ 20 × the same",
               bench.quotient(reads, "history of 50", "Express + PostgreSQL"), lambda value: value >= 20, "×")
    cold(bench)
    disk(bench)
    bench.stop_all()


def cold(bench):
    table = Table("cold-reads", "Reading after a restart with an empty page cache", "ms",
                  "A history of 50 messages of 25 random sessions a round, one after the other, over one connection; the "
                  "server, and PostgreSQL, started anew after the kernel's cache was dropped. One request before, to "
                  "another session.", bench.command("orion"), rises=False)
    servers = bench.servers[:2]
    times = {server: ([], []) for server in servers}
    for server in bench.servers[2:]:
        server.stop()
        server.postgres.stop()
    for turn in range(bench.rounds):
        chosen = random.Random(turn).sample(range(1, bench.data.sessions), 25)
        for server in servers:
            server.stop()
            if server is not bench.chat:
                server.postgres.stop()
            drop_page_cache([bench.run])
            if server is not bench.chat:
                server.postgres.start()
            server.start()
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            samples = []
            for place, index in enumerate([0] + chosen):
                begun = time.perf_counter()
                connection.request("GET", f"/api/sessions/messages?sessionId=session_{BASE}_h{index:06d}")
                body = json.loads(connection.getresponse().read())
                if place > 0:
                    samples.append(1000 * (time.perf_counter() - begun))
                if body["count"] != PER_SESSION:
                    raise RuntimeError(f"{server.name}: a history of {body['count']}")
            connection.close()
            times[server][0].append(median(samples))
            times[server][1].append(max(samples))
    for server in servers:
        table.add("median of a round", server.name, times[server][0])
        table.add("slowest of a round", server.name, times[server][1])
    table.rows.sort(key=lambda row: row.load)
    bench.add(table)


def disk(bench):
    """The conversations as they were loaded, before the loads wrote more."""
    table = Table("disk", "Room on the disk", "bytes a message",
                  "What the same sessions and messages take with all indexes: the tables of a store into which they were "
                  "imported and then merged; PostgreSQL's two tables after COPY and VACUUM FULL.", bench.command("orion"),
                  rises=False)
    text = sum(len(row[6]) for row in bench.data.rows() if row[0] == "message")
    store = bench.run / "orion-disk"
    subprocess.run([str(BINARY), "import", str(store), str(bench.run / "import.jsonl")], check=True,
                   stdout=subprocess.DEVNULL)
    sizes = subprocess.run([str(BINARY), "compact", str(store)], check=True, stdout=subprocess.PIPE, text=True).stdout
    ours = int(sizes.rsplit(" tables of ", 1)[1].split()[0])
    table.add("messages and sessions", "chat-server", [ours / bench.data.messages])
    for postgres in (server.postgres for server in bench.servers[1:2]):
        postgres.sql("TRUNCATE chat_messages, chat_sessions")
        fill(bench, postgres)
        for name in ("chat_messages", "chat_sessions"):
            postgres.sql(f"VACUUM FULL {name}")
        theirs = postgres.table_bytes("chat_messages") + postgres.table_bytes("chat_sessions")
        table.add("messages and sessions", "PostgreSQL", [theirs / bench.data.messages])
        bench.goal("bytes on disk per message", "≤ 0.4 × PostgreSQL", ours / theirs, lambda value: value <= 0.4, "×")
    table.add("text alone", "uncompressed", [text / bench.data.messages])
    bench.add(table)


def health(bench):
    """The ceiling: what HTTP costs when nothing is behind it. One event loop beside one worker."""
    ours = ChatServer(bench.run / "health", ["http.loops=1"])
    ours.start()
    table = Table("health", "GET /health, the ceiling of HTTP", "requests/s",
                  "64 connections; chat-server with one event loop, nginx with one worker that returns the same body and as "
                  "many headers from memory, access log off.", bench.command("health"))
    servers = [ours]
    try:
        connection = http.client.HTTPConnection("127.0.0.1", ours.port)
        connection.request("GET", "/health")
        reply = connection.getresponse()
        body = reply.read().decode()
        servers.append(Nginx(bench.run / "nginx", reply.getheaders(), body))
        connection.close()
        servers[-1].start()
    except Missing as reason:
        bench.skip(str(reason))
    for turn in range(bench.rounds + 1):
        for server in servers:
            found = wrk(server, 64, bench.seconds, "health", seed=turn)
            # The first round is not counted.
            if turn == 0:
                server.found = []
            else:
                server.found.append(found)
    for server in servers:
        table.add("64 connections", server.name, [found["rate"] for found in server.found],
                  **{"p50, ms": number(median(found["p50"] for found in server.found) / 1000),
                     "p99, ms": number(median(found["p99"] for found in server.found) / 1000),
                     "bytes a reply": number(server.found[0]["bytes"] / server.found[0]["requests"])})
        server.stop()
    bench.add(table)
    bench.goal("GET /health", "≥ 0.9 × one nginx worker per loop",
               bench.quotient(table, "64 connections", "nginx, 1 worker"), lambda value: value >= 0.9, "×")


def token(secret, claims):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (head + b"." + part(hmac.new(secret.encode(), head, hashlib.sha256).digest())).decode()


def aivo(bench):
    known = subprocess.run([str(BINARY), "help", "settings"], stdout=subprocess.PIPE, text=True).stdout
    if "`aivo.rate-limiting`" not in known:
        bench.skip("aivo: this chat-server does not know the surface")
        return
    secret = "benchmark-benchmark-benchmark-benchmark"
    # No limit but the hardware's, on either side.
    settings = ["aivo.rate-limiting=false", "aivo.max-messages=0"]
    servers = [ChatServer(bench.run / "aivo", settings, secret)]
    try:
        servers.append(FastAPI(Postgres(bench.run / "postgres-aivo"), secret))
    except Missing as reason:
        bench.skip(str(reason))
    bearer = token(secret, {"sub": "teacher-1", "tenant_id": "bench", "role": "teacher", "learner_scope": ["*"],
                            "exp": int(time.time()) + 86_400})
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    (bench.run / "token").write_text(bearer + "\n")
    table = Table("aivo", "aivo: messages of threads over HTTP", "requests/s",
                  "64 connections; a token checked at every request. Writes durable on both sides. A list is the newest 50 "
                  "messages of a thread of 50 or more, with their total.", bench.command("aivo"))
    count = 20 if bench.quick else 400
    for server in servers:
        server.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

        def post(path, body):
            connection.request("POST", path, json.dumps(body), headers)
            reply = connection.getresponse()
            answer = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"{server.name}: {path}: {reply.status} {answer[:200]}")
            return json.loads(answer)
        threads = [post("/api/v1/threads", {"learner_id": f"learner-{index}", "title": "t"})["id"] for index in range(count)]
        for thread in threads[:count // 20]:
            for index in range(50):
                post(f"/api/v1/threads/{thread}/messages", {"content": "What is a log? " * 20, "sender_type": "student"})
        connection.request("GET", f"/api/v1/threads/{threads[0]}/messages?limit=50", headers=headers)
        page = json.loads(connection.getresponse().read())
        server.shape = [list(page), len(page["messages"]), page["total"], sorted(page["messages"][0])]
        server.threads = bench.run / f"threads-{servers.index(server)}"
        server.threads.write_text("\n".join(threads) + "\n")
        server.full = bench.run / f"full-{servers.index(server)}"
        server.full.write_text("\n".join(threads[:count // 20]) + "\n")
        connection.close()
    if any(server.shape != servers[0].shape for server in servers):
        raise RuntimeError(f"the servers answer differently: {[server.shape for server in servers]}")
    for load, mode, attribute in (("list of 50", "aivo-list", "full"), ("message, 300 B", "aivo-save", "threads")):
        for turn in range(bench.rounds + 1):
            for server in servers:
                before = server.durability()
                found = wrk(server, 64, bench.seconds, mode, seed=turn, threads=getattr(server, attribute),
                            token=bench.run / "token")
                found["durable"] = tuple(b - a for a, b in zip(before, server.durability()))
                if turn == 0:
                    server.found = []
                else:
                    server.found.append(found)
        for server in servers:
            more = {"p50, ms": number(median(found["p50"] for found in server.found) / 1000),
                    "p99, ms": number(median(found["p99"] for found in server.found) / 1000)}
            if mode == "aivo-save":
                syncs = sum(found["durable"][0] for found in server.found)
                more["syncs"] = number(syncs)
                more["writes a sync"] = number(sum(f["durable"][2] for f in server.found) / syncs) if syncs else ""
            table.add(load, server.name, [found["rate"] for found in server.found], **more)
    bench.stop_all()
    bench.add(table)
