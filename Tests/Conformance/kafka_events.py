"""Reads the events of the real server back from librdkafka's mock brokers.

Usage: kafka_events.py CHAT_SERVER EVENT_SOURCE WORK_DIRECTORY [ROUNDS] [MESSAGES]

Each round writes messages into the data directory while no server has it, starts the server, and kills it with SIGKILL in
the middle of delivering; in every third round the brokers are down at first. At the end the server runs until everything
has come. Fails if a message is missing, or if the first arrivals of a learner are not in the order of writing; prints how
many came twice.
"""

import ctypes
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import confluent_kafka

PARTITIONS = 4
TOPICS = ["aivo.chat.message.created", "aivo.chat.thread.created"]
LEARNERS = 5


class Brokers:
    """The mock cluster of the library that confluent_kafka brings."""

    def __init__(self):
        root = os.path.dirname(os.path.dirname(confluent_kafka.__file__))
        path = glob.glob(os.path.join(root, "confluent_kafka.libs", "librdkafka*.so*"))[0]
        library = ctypes.CDLL(path)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        for name, result, arguments in [
            ("rd_kafka_conf_new", pointer, []),
            ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
            ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
            ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
            ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
            ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
            ("rd_kafka_mock_broker_set_down", number, [pointer, ctypes.c_int32]),
            ("rd_kafka_mock_broker_set_up", number, [pointer, ctypes.c_int32]),
        ]:
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self.library = library
        configuration = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(configuration, b"log_level", b"0", None, 0)
        self.handle = library.rd_kafka_new(0, configuration, None, 0)
        self.cluster = library.rd_kafka_mock_cluster_new(self.handle, 1)
        self.servers = library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for topic in TOPICS:
            library.rd_kafka_mock_topic_create(self.cluster, topic.encode(), PARTITIONS, 1)

    def set_down(self, down):
        name = "rd_kafka_mock_broker_set_down" if down else "rd_kafka_mock_broker_set_up"
        getattr(self.library, name)(self.cluster, 1)


class Reader:
    """Everything that the brokers hold, in the order of each partition."""

    def __init__(self, servers):
        self.consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": servers, "group.id": "conformance", "enable.auto.commit": False,
             "reconnect.backoff.max.ms": 500, "log_level": 0})
        self.consumer.assign([
            confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)
            for topic in TOPICS for partition in range(PARTITIONS)])
        self.records = []

    def poll(self, seconds):
        message = self.consumer.poll(seconds)
        if message is None or message.error():
            return False
        envelope = json.loads(message.value())
        headers = {name: value.decode() for name, value in message.headers()}
        assert headers["event_id"] == envelope["event_id"], headers
        assert headers["event_type"] == envelope["event_type"], headers
        key = envelope["tenant_id"] + ":" + envelope["learner_id"]
        assert message.key().decode() == key, (message.key(), key)
        self.records.append(envelope)
        return True


def start(server, data, servers):
    environment = {
        "PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": servers, "CHAT_KAFKA_RECONNECT_BACKOFF_MAX_MS": "500",
        "CHAT_KAFKA_BATCH_NUM_MESSAGES": "20",
    }
    process = subprocess.Popen(
        [server, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--set", "log.format=json"],
        env=environment, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if '"listening"' in line:
            return process
    raise SystemExit("the server did not start")


def main():
    server, source, work = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 9
    messages = int(sys.argv[5]) if len(sys.argv) > 5 else 2000
    data = os.path.join(work, "events-data")
    shutil.rmtree(data, ignore_errors=True)
    brokers = Brokers()
    reader = Reader(brokers.servers)

    # The first start gives the consumer its place, at the end of an empty log.
    process = start(server, data, brokers.servers)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    written = {f"learner-{number}": [] for number in range(LEARNERS)}
    for turn in range(rounds):
        output = subprocess.run([source, data, str(messages), str(LEARNERS)], check=True, capture_output=True, text=True)
        for line in output.stdout.splitlines():
            learner, message = line.split()
            written[learner].append(message)
        is_away = turn % 3 == 2
        if is_away:
            brokers.set_down(True)
        process = start(server, data, brokers.servers)
        if is_away:
            time.sleep(1.5)
            brokers.set_down(False)
        goal = len(reader.records) + random.randint(1, messages)
        deadline = time.monotonic() + 60
        while len(reader.records) < goal and time.monotonic() < deadline:
            reader.poll(0.2)
        assert len(reader.records) >= goal, "no events came for a minute"
        process.kill()
        assert process.wait() == -signal.SIGKILL

    process = start(server, data, brokers.servers)
    expected = {message for list in written.values() for message in list}
    deadline = time.monotonic() + 120
    def arrived():
        return {record["data"].get("message_id") for record in reader.records}
    while not expected <= arrived() and time.monotonic() < deadline:
        for _ in range(100):
            reader.poll(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    # What the end may still have brought.
    while reader.poll(2.0):
        pass

    seen, first = set(), []
    for record in reader.records:
        if record["event_id"] not in seen:
            seen.add(record["event_id"])
            first.append(record)
    missing = len(expected - arrived())
    duplicates = len(reader.records) - len(first)
    disordered = 0
    for learner, ids in written.items():
        mine = [record["data"]["message_id"] for record in first
                if record["learner_id"] == learner and record["event_type"] == "CHAT_MESSAGE_CREATED"]
        disordered += mine != ids
    threads = sum(record["event_type"] == "CHAT_THREAD_CREATED" for record in first)
    print(f"kafka: {len(expected)} messages and {threads} threads over {rounds} kill -9 and {rounds // 3} times without "
          f"brokers: {missing} missing, {duplicates} duplicates, {disordered} learners out of order")
    if missing or disordered or threads != LEARNERS:
        raise SystemExit(1)


main()
