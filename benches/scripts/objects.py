"""Objects, documents, text and sorting: what scripts do. The argument is the work in percent."""

import json
import random
import re
import sys

rng = random.Random(1)
scale = int(sys.argv[1])


def documents(count):
    for number in range(count):
        words = [f"w{rng.randrange(1000)}" * rng.randrange(1, 5) for _ in range(20)]
        yield {"number": number, "words": words, "nested": {str(key): [key] * rng.randrange(8) for key in range(10)}}


class Tree:
    def __init__(self, depth):
        self.sides = [Tree(depth - 1), Tree(depth - 1)] if depth else []

    def size(self):
        return 1 + sum(side.size() for side in self.sides)


texts = [json.dumps(document) for document in documents(40 * scale)]
parsed = [json.loads(text) for text in texts]
counts = {}
for word in re.findall(r"w\d+", " ".join(texts)):
    counts[word] = counts.get(word, 0) + 1
print(sum(map(len, texts)), len(parsed), sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5])
print(sum(Tree(10).size() for _ in range(max(1, scale // 4))))
lines = sorted((" ".join(reversed(text.split())) for text in texts), key=len)
print(lines[0][:40], sum(len(line.encode()) for line in lines))
