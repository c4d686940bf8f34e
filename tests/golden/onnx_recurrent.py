#!/usr/bin/python3
"""Writes onnx_recurrent.inc beside itself: the node tests of ONNX for LSTM, GRU and RNN.

Install python3-onnx and libonnx-testdata (the data of the ONNX standard's own backend tests) and run it without
arguments; the tests need neither.
"""
import pathlib
import textwrap

import numpy
import onnx
from onnx import numpy_helper

DATA = pathlib.Path("/usr/share/libonnx-testdata/data/node")
HERE = pathlib.Path(__file__).parent
INPUTS = ["x", "w", "r", "b", "sequence_lens", "initial_h", "initial_c", "p"]

HEAD = """// Written by onnx_recurrent.py from the node tests of the ONNX standard: numbers of 32 bits in 9 digits.

struct onnx_array {
  std::vector<std::int64_t> sizes = {};
  std::vector<float> values = {};
};

// Operands as the standard has them; those that a case leaves out are empty.
struct onnx_recurrent_case {
  const char *name, *op;
  std::int64_t hidden_size, layout = 0, linear_before_reset = 0;
  onnx_array x, w, r, b = {};
  std::vector<std::int64_t> sequence_lens = {};
  onnx_array initial_h = {}, initial_c = {}, p = {}, y = {}, y_h = {};
};

"""


def array(a):
    values = ", ".join(floating(x) for x in numpy.ravel(a))
    return f"{{{{{', '.join(map(str, a.shape))}}}, {{{values}}}}}"


def floating(x):
    """As a C++ literal that gives the same 32 bits."""
    text = f"{numpy.float32(x):.9g}"
    return text + ("f" if "." in text or "e" in text else ".f")


def case(folder):
    (node,) = onnx.load(folder / "model.onnx").graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    unknown = set(attributes) - {"hidden_size", "layout", "linear_before_reset"}
    assert not unknown, (folder.name, unknown)

    def tensors(kind, names):
        given = (n for n in names if n)
        files = {n: folder / "test_data_set_0" / f"{kind}_{i}.pb" for i, n in enumerate(given)}
        return [numpy_helper.to_array(onnx.TensorProto.FromString(files[n].read_bytes())) if n else None for n in names]

    inputs = dict(zip(INPUTS, tensors("input", node.input)))
    outputs = dict(zip(["y", "y_h"], tensors("output", node.output)))
    text = f'{{.name = "{folder.name}", .op = "{node.op_type}"'
    for key in ("hidden_size", "layout", "linear_before_reset"):
        if key in attributes:
            text += f", .{key} = {attributes[key]}"
    for key in INPUTS:
        value = inputs.get(key)
        if value is None:
            continue
        if key == "sequence_lens":
            text += f", .{key} = {{{', '.join(map(str, value))}}}"
        else:
            text += f",\n .{key} = {array(value)}"
    for key, value in outputs.items():
        if value is not None:
            text += f",\n .{key} = {array(value)}"
    return text + "},\n"


def main():
    folders = sorted(f for op in ("lstm", "gru", "rnn", "simple_rnn") for f in DATA.glob(f"test_{op}_*"))
    body = "".join(case(f) for f in folders)
    lines = (textwrap.fill(line, 120, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
             for line in body.split("\n"))
    text = HEAD + "const std::vector<onnx_recurrent_case> onnx_recurrent_cases{\n" + "\n".join(lines) + "};\n"
    (HERE / "onnx_recurrent.inc").write_text(text)


main()
