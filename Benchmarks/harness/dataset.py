"""The conversations that every server is given: the same ids, times and texts, written from one seed.

History sessions `…_h000000` have 50 messages each and belong to users with 50 sessions each; their messages take turns, as
those of chats do. Write sessions `…_w000000` begin with one message; the loads append to them.
"""
import random

PER_SESSION = 50
PER_USER = 50
WRITE_SESSIONS = 1000
BASE = 1_700_000_000_000

WORDS = """the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not
what all were we when your can said there use an each which she do how their if will up other about out many then them these
so some her would make like him into time has look two more write go see number no way could people my than first water been
call who oil its now find long down day did get come made may part over new sound take only little work know place year live
me back give most very after thing our just name good sentence man think say great where help through much before line right
too mean old any same tell boy follow came want show also around form three small set put end does another well large must
big even such because turn here why ask went men read need land different home us move try kind hand picture again change off
play spell air away animal house point page letter mother answer found study still learn should world high every near add
food between own below country plant last school father keep tree never start city earth eye light thought head under story
saw left don't few while along might close something seem next hard open example begin life always those both paper together
got group often run""".split()


class Dataset:
    def __init__(self, sessions):
        self.sessions = sessions
        self.users = max(1, sessions // PER_USER)
        self.messages = sessions * PER_SESSION + WRITE_SESSIONS

    def rows(self):
        """Sessions first, then messages in the order of their times."""
        words = random.Random(1)
        # Common words are common.
        weights = [1 / (rank + 3) for rank in range(len(WORDS))]

        def text():
            return " ".join(words.choices(WORDS, weights, k=words.randint(20, 90)))
        for index in range(self.sessions):
            yield ("session", f"session_{BASE}_h{index:06d}", f"user{index // PER_USER}", BASE + index,
                   BASE + 10_000_000 + (PER_SESSION - 1) * self.sessions + index)
        for index in range(WRITE_SESSIONS):
            yield ("session", f"session_{BASE}_w{index:06d}", f"writer{index // PER_USER}", BASE + index,
                   BASE + 1_000_000 + index)
        for index in range(WRITE_SESSIONS):
            yield message(f"session_{BASE}_w{index:06d}", 1, BASE + 1_000_000 + index, text())
        for turn in range(PER_SESSION):
            for index in range(self.sessions):
                yield message(f"session_{BASE}_h{index:06d}", turn + 1,
                              BASE + 10_000_000 + turn * self.sessions + index, text())

    def write_lines(self, path):
        """For `chat-server import`."""
        with open(path, "w") as file:
            file.write('{"type":"export","version":1}\n')
            for row in self.rows():
                if row[0] == "session":
                    _, session, user, created, updated = row
                    file.write(f'{{"type":"session","tenant":"orion","user":"{user}","id":"{session}","createdAt":'
                               f'"{stamp(created)}","updatedAt":"{stamp(updated)}","status":"active","tags":0,'
                               f'"retentionClass":2,"state":{{"title":"New Chat"}}}}\n')
                else:
                    _, session, sequence, time, identifier, role, text = row
                    file.write(f'{{"type":"message","tenant":"orion","session":"{session}","sequence":{sequence},'
                               f'"createdAt":"{stamp(time)}","id":"{identifier}","role":"{role}","content":"{text}"}}\n')
            file.write(f'{{"type":"end","sessions":{self.sessions + WRITE_SESSIONS},"messages":{self.messages},'
                       '"documents":0,"damaged":0}\n')

    def write_copies(self, sessions_path, messages_path):
        """For COPY of PostgreSQL: rows as the service would have written them."""
        count, last = {}, {}
        with open(messages_path, "w") as file:
            for row in self.rows():
                if row[0] == "message":
                    _, session, _, time, identifier, role, text = row
                    count[session] = count.get(session, 0) + 1
                    last[session] = text
                    file.write(f"{identifier}\t{session}\t{role}\t{text}\t{stamp(time)}\n")
        with open(sessions_path, "w") as file:
            for row in self.rows():
                if row[0] == "message":
                    break
                _, session, user, created, updated = row
                file.write(f"{session}\t{user}\tNew Chat\t\t{last[session]}\t{count[session]}\t{stamp(created)}\t"
                           f"{stamp(updated)}\n")


def message(session, sequence, time, text):
    suffix = f"{session[-7:]}{sequence:02d}"
    return ("message", session, sequence, time, f"msg_{time}_{suffix}", "user" if sequence % 2 else "assistant", text)


def stamp(milliseconds):
    from datetime import datetime, timezone
    time = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S") + f".{milliseconds % 1000:03d}000Z"
