"""Threads, child processes, documents and a database, in one deterministic run."""

import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import threading


def documents(seed, count):
    """Builds documents, turns them to text and back, and sums them up in a digest."""
    rng = random.Random(seed)
    digest = hashlib.sha256()
    for number in range(count):
        document = {
            "number": number,
            "words": [f"w{rng.randrange(1000)}" * rng.randrange(1, 5) for _ in range(20)],
            "nested": {str(key): [key] * rng.randrange(8) for key in range(10)},
        }
        text = json.dumps(document, sort_keys=True)
        assert json.loads(text) == document
        digest.update(text.encode())
    return digest.hexdigest()


def in_threads():
    results = [None] * 8

    def work(index):
        results[index] = documents(index, 1500)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_a_database():
    base = sqlite3.connect(":memory:")
    base.execute("create table words (id integer primary key, word text, length integer)")
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefgh", k=rng.randrange(2, 40))) for _ in range(60_000)]
    base.executemany("insert into words (word, length) values (?, length(?))", zip(words, words))
    base.execute("create index by_word on words (word)")
    base.execute("delete from words where id % 3 = 0")
    query = "select length, count(*), min(word), max(word) from words group by length order by 1"
    return base.execute(query).fetchall()


def in_children():
    code = "import sys; print(sum(len(line) for line in sys.stdin))"
    text = "\n".join("x" * (n % 97) for n in range(50_000))
    return [
        subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True).stdout
        for _ in range(4)
    ]


print(*in_threads(), sep="\n")
print(*in_a_database(), sep="\n")
print(*in_children(), sep="")
