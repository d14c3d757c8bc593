"""The servers under test, each started and stopped by this program on a port of its own, its data below one directory."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / ".build" / "bench"
PEERS = ROOT / "Benchmarks" / "peers"
#: BENCH_SERVER names another build, to compare two of them.
BINARY = pathlib.Path(os.environ.get("BENCH_SERVER", ROOT / ".build" / "release" / "chat-server"))
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
VENV = WORK / "venv" / "bin" / "python"


class Missing(Exception):
    """A peer that cannot be had here; why is said in the results."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, headers={}, method="GET", body=None, timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def resident_bytes(pids, kind="Pss"):
    """Proportional set size: shared pages count once over all of them. `Anonymous`: what the processes allocated, without
    the files that they map, whose share changes when another process maps them too."""
    total = 0
    for pid in pids:
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += 1024 * int(re.search(rf"^{kind}:\s+(\d+)", rollup, re.M)[1])
    return total


def family(pid):
    """A process and all below it."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


class Server:
    """A process that listens on `port`."""
    name = ""
    #: Those that were started and not stopped.
    running = []
    #: Where their output goes.
    logs = None

    def __init__(self):
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    health = "/health"

    def start(self):
        log = open(Server.logs / f"{self.name.replace(' ', '-').replace('/', '-')}.log", "ab")
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment()},
            cwd=PEERS, start_new_session=True)
        Server.running.append(self)
        while True:
            try:
                if get(self.port, self.health, timeout=2)[0] < 500:
                    return time.perf_counter() - begun
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see {log.name}")
            if time.perf_counter() - begun > 120:
                self.kill()
                raise RuntimeError(f"{self.name} does not answer; see {log.name}")
            time.sleep(0.002)

    def stop(self, sign=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.forget()

    def kill(self):
        """SIGKILL to it and all that it started."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.forget()

    def forget(self):
        self.process = None
        if self in Server.running:
            Server.running.remove(self)

    def resident(self):
        return resident_bytes(family(self.process.pid))


class ChatServer(Server):
    name = "chat-server"

    def __init__(self, directory, settings=(), secret=None):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.settings = list(settings)
        self.secret = secret
        self.admin = free_port()

    def command(self):
        settings = ["orion.rate-limit=0", "log.level=warning", "http.max-connections=20000"] + self.settings
        return [str(BINARY), "serve", "--data-dir", str(self.directory), "--listen", f"127.0.0.1:{self.port}",
                "--admin", f"127.0.0.1:{self.admin}"] + [word for entry in settings for word in ("--set", entry)]

    def environment(self):
        return {"JWT_SECRET_KEY": self.secret} if self.secret else {}

    def metrics(self):
        found = {}
        for line in get(self.admin, "/metrics")[1].decode().splitlines():
            if not line.startswith("#") and "{" not in line and " " in line:
                key, value = line.split(" ")[:2]
                found[key] = float(value)
        return found

    def durability(self):
        """Syncs, bytes of log, and batches so far."""
        metrics = self.metrics()
        return (metrics.get("chat_store_log_sync_seconds_count", 0), metrics.get("chat_store_log_bytes_total", 0),
                metrics.get("chat_store_batches_total", 0))


class Postgres:
    """A cluster of its own that nobody else can reach: a socket in its directory, no TCP."""
    running = []

    def __init__(self, directory):
        if not (POSTGRES / "initdb").exists():
            raise Missing("PostgreSQL 15 is not installed")
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o777)
        self.run("initdb", "-D", str(self.data), "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "orion")
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(f"""
listen_addresses = ''
unix_socket_directories = '{self.directory}'
port = {self.port}
max_connections = 120
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
wal_compression = lz4
wal_buffers = 64MB
max_wal_size = 8GB
checkpoint_timeout = 30min
shared_buffers = 1GB
effective_cache_size = 8GB
random_page_cost = 1.1
jit = off
""")
        self.start()
        self.sql("CREATE DATABASE orion", database="postgres")
        self.sql_file(PEERS / "schema.sql")

    @property
    def data(self):
        return self.directory / "data"

    def run(self, program, *arguments, check=True, **options):
        return subprocess.run(
            self.as_user + [str(POSTGRES / program), *arguments], check=check, stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.directory, **options).stdout

    def start(self):
        # The server keeps pg_ctl's output open: it must not be a pipe that somebody waits for.
        log = str(self.directory / "server.log")
        subprocess.run(self.as_user + [str(POSTGRES / "pg_ctl"), "-D", str(self.data), "-w", "-l", log, "start"],
                       check=True, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        Postgres.running.append(self)

    def stop(self):
        if self in Postgres.running:
            Postgres.running.remove(self)
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", str(self.data), "-w", "-m", "fast", "stop", check=False)

    def psql(self, *arguments, database="orion", **options):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory), "-p",
                        str(self.port), "-U", "orion", "-d", database, *arguments, **options)

    def sql(self, text, database="orion"):
        return self.psql("-c", text, database=database).strip()

    def sql_file(self, path):
        with open(path) as file:
            self.psql("-f", "-", stdin=file)

    def copy(self, table, columns, path):
        with open(path) as file:
            self.psql("-c", f"COPY {table}({columns}) FROM STDIN", stdin=file)

    def durability(self):
        """Syncs and bytes of WAL, and commits so far. Its processes report their counts once a second when busy."""
        row = self.sql("SELECT (SELECT wal_sync FROM pg_stat_wal), pg_current_wal_insert_lsn() - '0/0', "
                       "(SELECT xact_commit FROM pg_stat_database WHERE datname = 'orion')")
        return tuple(float(value) for value in row.split("|"))

    def table_bytes(self, table):
        return int(self.sql(f"SELECT pg_total_relation_size('{table}')"))

    def pids(self):
        return family(int((self.data / "postmaster.pid").read_text().split()[0]))


class Express(Server):
    def __init__(self, postgres, workers=1):
        super().__init__()
        if not shutil.which("node") or not (WORK / "node" / "complete").exists():
            raise Missing("Express and pg for Node cannot be had")
        self.postgres = postgres
        self.workers = workers
        self.name = "Express + PostgreSQL" + (f", {workers} workers" if workers > 1 else "")

    def command(self):
        return ["node", str(PEERS / "express.js"), str(self.port), str(self.postgres.directory), str(self.postgres.port),
                str(self.workers)]

    def environment(self):
        modules = WORK / "node" / "usr"
        return {"NODE_ENV": "production",
                "NODE_PATH": f"{modules}/share/nodejs:{modules}/lib/{os.uname().machine}-linux-gnu/nodejs"}

    def resident(self):
        return super().resident() + resident_bytes(self.postgres.pids())

    def durability(self):
        return self.postgres.durability()


class FastAPI(Server):
    name = "FastAPI + PostgreSQL, 2 workers"
    health = "/api/v1/health"

    def __init__(self, postgres, secret):
        super().__init__()
        if not (WORK / "venv" / "complete").exists():
            raise Missing("FastAPI cannot be had")
        self.postgres = postgres
        self.secret = secret

    def command(self):
        return [str(VENV), "-m", "uvicorn", "aivo:app", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2",
                "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]

    def environment(self):
        return {"AIVO_SECRET": self.secret, "PYTHONDONTWRITEBYTECODE": "1", "AIVO_DATABASE":
                f"postgresql://orion@/orion?host={self.postgres.directory}&port={self.postgres.port}"}

    def durability(self):
        return self.postgres.durability()


class Nginx(Server):
    """One worker that answers GET /health from memory with the headers of chat-server's reply."""
    name = "nginx, 1 worker"

    def __init__(self, directory, headers, body):
        super().__init__()
        if not pathlib.Path("/usr/sbin/nginx").exists():
            raise Missing("nginx is not installed")
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        fields = "".join(f'add_header {name} {json.dumps(value)} always;\n' for name, value in headers
                         if name.lower() not in ("content-length", "content-type", "date", "connection", "server"))
        escaped = body.replace("\\", "\\\\").replace("'", "\\'")
        (self.directory / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; master_process off; pid {self.directory}/pid; error_log {self.directory}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {self.directory}/a;
    proxy_temp_path {self.directory}/b; fastcgi_temp_path {self.directory}/c; uwsgi_temp_path {self.directory}/d;
    scgi_temp_path {self.directory}/e;
    server {{ listen 127.0.0.1:{self.port}; default_type "application/json; charset=utf-8";
        location /health {{ {fields} return 200 '{escaped}'; }} }} }}
""")

    def command(self):
        return ["/usr/sbin/nginx", "-e", str(self.directory / "error.log"), "-c", str(self.directory / "nginx.conf")]


class PythonSockets(Server):
    name = "python-socketio, uvicorn"
    health = "/"

    def __init__(self):
        super().__init__()
        if not (WORK / "venv" / "complete").exists():
            raise Missing("python-socketio cannot be had")

    def command(self):
        return [str(VENV), "-m", "uvicorn", "fanout:app", "--host", "127.0.0.1", "--port", str(self.port), "--loop",
                "uvloop", "--ws", "websockets", "--no-access-log", "--log-level", "warning"]

    def environment(self):
        return {"PYTHONDONTWRITEBYTECODE": "1"}


class OwnSockets(Server):
    """The SocketIO module with the same two events."""
    name = "chat-server"

    def start(self):
        self.process = subprocess.Popen(
            [str(tool("socket-benchmark")), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        Server.running.append(self)
        self.port = int(self.process.stdout.readline())


def tool(name):
    return ROOT / ".build" / "tools" / "release" / name


def drop_page_cache(directories):
    """All of it as root, else the pages of the files in these directories."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return
    except OSError:
        pass
    for directory in directories:
        for path in pathlib.Path(directory).rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def wrk(server, connections, seconds, mode, **arguments):
    """One run of wrk: its figures as a dictionary."""
    words = [f"{name}={value}" for name, value in {"mode": mode, **arguments}.items()]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s", "-s",
               str(ROOT / "Benchmarks" / "loads" / "load.lua"), f"http://127.0.0.1:{server.port}", "--", *words]
    output = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = next((json.loads(line[1:]) for line in output.stdout.splitlines() if line.startswith("@{")), None)
    if found is None:
        raise RuntimeError(f"wrk failed: {output.stdout}")
    if found["failed"]:
        raise RuntimeError(f"{server.name}, {mode}: {found['failed']} of {found['requests']} requests failed")
    found["rate"] = found["requests"] / found["seconds"]
    return found
