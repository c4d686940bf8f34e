#!/usr/bin/python3
"""Writes bpe.inc beside itself: what GPT-2's pattern, as a regular expression, and the rule of byte-pair encoding, as
it is said, make of small texts. Run it without arguments; the tests need no Python.
"""
import collections
import pathlib
import re
import sys
import textwrap
import unicodedata

HERE = pathlib.Path(__file__).parent
VOCABULARY, LEAST = 420, 2

TRAINING = """In the beginning the river was only a line between two hills. The hills didn't know the river, and the
river didn't know the hills; they're old, and it's young. "We've been here," said the first hill, "since there was
no here." The second hill said nothing: it'd said everything it knew 1,000,000 years ago.

    for (int i = 0; i < 10; ++i) { river[i] = hill[i] + hill[i + 1]; }
\tif (river[0] == river[9]) return "the river";

Die Brücke über den Fluß führt ins nächste Dorf; die Häuser dort sind älter als die Brücke. Größe: 42 m², Höhe: 7½ m.
Река течёт между холмами, и холмы стоят над рекой. 東京の川は東京湾に流れる。東京の夏は暑い。 🙂🙂 👩‍👩‍👧 the end, the end.
The river again, and again the hills. It's 2019, and it'll be 2020; I'm told they'd know.
"""

TRICKY = [
    "", "a", " ", "  ", "\n", "'", "''", "the river", " the river", "  the  river  ", "the\nriver\n\n  hills \t x",
    "it's they're we've I'm he'd they'll don't", "IT'S THEY'RE", "it''s 'sand 're 'r 'l 'lx 'v' x'", "'s't'm'd're've'll",
    " 's '' ' s", "tabs\t\tand\ttabs", "\r\n\r\nx\r\n", "\u00a0x \u00a0 x\u2003\u2028y\u3000\u3000東\u0085\x1c\x1dz\x0b\x0c",
    "1234 5 67.89 ½ ² ⅷ", "٣٤٥ ०१२ 𝟘𝟙 ၁", "a1b2c3", "naïve Straße, 東京の夏", "e\u0301e\u0301 x\u0301", "नमस्ते दुनिया", "한국어 텍스트",
    "🙂 🙂🙂 👩‍👩‍👧🏽 flags🇩🇪", "ﬁ ﬃ ǆ ʰ ª º", "\u200bzero\u200dwidth\ufeff", "<|endoftext|>", "a <|endoftext|> b<|endoftext|>",
    "!?...,;:--", " !x !", "x = y+z; // c", "the river is the river is the river", "a" * 40, " " * 9 + "x", "\n" * 5,
    "𝓛𝓮𝓽𝓽𝓮𝓻𝓼", "\U000e0001\U0010ffff\ue000", "Ǆ\u0378\u05ff", "\0\x01 \x7f",
]
BYTES = [b"\xff", b"a\xc3", b"\xe2\x82", b" \xe2\x82z", b"\xed\xa0\x80", b"\xc0\xaf \xf5x", b"\xf0\x9f\x99", b"\xf4\x90\x80\x80 the",
         b"\xe0\x80\x80", b"\x80\x80'\x80s", b"\xff \xfe  \xfd", b"the \xf0\x9f\x99\x82\xf0 river\xe2"]


def members(test):
    """The code points that pass, as the inside of a set in a regular expression."""
    out, first = [], None
    for code in range(sys.maxunicode + 2):
        if code <= sys.maxunicode and test(chr(code)):
            first = code if first is None else first
        elif first is not None:
            out.append(f"\\U{first:08x}-\\U{code - 1:08x}")
            first = None
    return "".join(out)


LETTER = members(lambda c: unicodedata.category(c).startswith("L"))
NUMBER = members(lambda c: unicodedata.category(c).startswith("N"))
SPACE = members(lambda c: c.isspace() and not "\x1c" <= c <= "\x1f")
PATTERN = re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{LETTER}]+| ?[{NUMBER}]+| ?[^{SPACE}{LETTER}{NUMBER}]+"
                     f"|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+")


def pieces(data):
    return [p.encode("utf-8", "surrogateescape") for p in PATTERN.findall(data.decode("utf-8", "surrogateescape"))]


VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
TOKENS = [bytes([b]) for b in VISIBLE + [b for b in range(256) if b not in VISIBLE]]


def merged(word, pair):
    out, i = [], 0
    while i < len(word):
        if word[i:i + 2] == list(pair):
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def train(data):
    ids = {t: i for i, t in enumerate(TOKENS)}
    words = [[[bytes([b]) for b in p], n] for p, n in collections.Counter(pieces(data)).items()]
    merges = []
    while len(ids) < VOCABULARY:
        counts = collections.Counter()
        for word, n in words:
            for pair in zip(word, word[1:]):
                counts[pair] += n
        pair = max(counts, key=lambda p: (counts[p], -ids[p[0]], -ids[p[1]]))
        if counts[pair] < LEAST:
            break
        merges.append(pair)
        ids.setdefault(pair[0] + pair[1], len(ids))
        for word in words:
            word[0] = merged(word[0], pair)
    return ids, merges


def encode(data, ids, merges):
    out = []
    for piece in pieces(data):
        word = [bytes([b]) for b in piece]
        while True:
            there = [p for p in merges if p in set(zip(word, word[1:]))]
            if not there:
                break
            word = merged(word, there[0])
        out += [ids[t] for t in word]
    return out


def literal(data):
    def one(b):
        return chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}"
    text = "".join(one(b) for b in data)
    parts = re.findall(r"(?:\\...|.){1,100}", text) or [""]
    return "\n    ".join(f'"{p}"' for p in parts)


def numbers(values):
    return textwrap.fill("{" + ", ".join(map(str, values)) + "}", 114, subsequent_indent="      ")


data = TRAINING.encode()
ids, merges = train(data)
with open(HERE / "bpe.inc", "w", encoding="ascii") as out:
    print("// Written by bpe.py: GPT-2's pattern as a regular expression, merges as the rule says them.\n", file=out)
    print(f"const std::string bpe_training_text(\n    {literal(data)}, {len(data)});\n", file=out)
    print(f"constexpr std::int64_t bpe_vocabulary = {VOCABULARY}, bpe_least = {LEAST};", file=out)
    print("const std::vector<std::pair<std::int64_t, std::int64_t>> bpe_golden_merges = {", file=out)
    for a, b in merges:
        print(f"    {{{ids[a]}, {ids[b]}}},", file=out)
    print("};\n\nstruct bpe_golden {\n  std::string text;\n  std::vector<std::size_t> pieces;\n"
          "  std::vector<std::int64_t> tokens;\n};\n\nconst std::vector<bpe_golden> bpe_goldens = {", file=out)
    for text in [t.encode() for t in TRICKY] + BYTES + [data]:
        print(f"    {{std::string({literal(text)}, {len(text)}),\n     {numbers(len(p) for p in pieces(text))},\n"
              f"     {numbers(encode(text, ids, merges))}}},", file=out)
    print("};", file=out)
print(len(merges), "merges,", len(ids), "tokens")
