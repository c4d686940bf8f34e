#!/usr/bin/python3
"""Writes the table of character classes into include/inlay/text/unicode.hpp: letters and numbers as Python's
unicodedata has them, and Unicode's White_Space. Run it without arguments; the tests need no Python.
"""
import pathlib
import re
import sys
import textwrap
import unicodedata

HEADER = pathlib.Path(__file__).parents[2] / "include/inlay/text/unicode.hpp"


def character_class(code):
    c = chr(code)
    if c.isspace() and not 0x1C <= code <= 0x1F:  # Python counts four separators that Unicode does not
        return 3
    return {"L": 1, "N": 2}.get(unicodedata.category(c)[0], 0)


def runs():
    """A number for each code point where a class begins: four times it, and the class."""
    last = 0
    for code in range(sys.maxunicode + 1):
        now = character_class(code)
        if now != last:
            yield code * 4 + now
        last = now


values = list(runs())
text = textwrap.fill(", ".join(str(v) for v in values), 116, initial_indent="    ", subsequent_indent="    ")
source = HEADER.read_text(encoding="utf-8")
source = re.sub(r"(class_starts\[\] = \{\n)[^}]*(\};)", lambda m: m[1] + text + m[2], source)
source = re.sub(r"Unicode \d+(?=,)", f"Unicode {unicodedata.unidata_version.split('.')[0]}", source, count=1)
HEADER.write_text(source, encoding="utf-8")
print(len(values), "runs of Unicode", unicodedata.unidata_version)
