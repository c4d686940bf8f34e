#!/usr/bin/python3
"""Writes onnx_training.inc and onnx_losses.inc beside itself: the node tests of ONNX for optimisers and losses.

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
HEAD = "// Written by onnx_training.py from the node tests of the ONNX standard: numbers of 32 bits in 9 digits.\n"


def read(name):
    """The node of a case, its inputs and its outputs."""
    model = onnx.load(DATA / name / "model.onnx")
    (node,) = model.graph.node

    def tensors(kind, names):
        files = [DATA / name / "test_data_set_0" / f"{kind}_{i}.pb" for i in range(len(names))]
        return [numpy_helper.to_array(onnx.TensorProto.FromString(f.read_bytes())) for f in files]

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return node.op_type, attributes, tensors("input", node.input), tensors("output", node.output)


def floating(x):
    """As a C++ literal that gives the same 32 bits."""
    text = f"{numpy.float32(x):.9g}"
    return text + ("f" if "." in text or "e" in text else ".f")


def floats(values):
    return "{" + ", ".join(floating(x) for x in numpy.ravel(values)) + "}"


def integers(values):
    return "{" + ", ".join(str(x) for x in numpy.ravel(values)) + "}"


def optimizer(name):
    op, attributes, inputs, outputs = read(name)
    attributes.update(LEFT_OUT.get(name, {}))
    rate, steps, *rest = inputs
    kinds = {"Adagrad": 3, "Momentum": 3, "Adam": 4}[op]  # X, G and states
    count = len(rest) // kinds
    groups = [rest[i * count:(i + 1) * count] for i in range(kinds)]
    groups += [outputs[i * count:(i + 1) * count] for i in range(kinds - 1)]
    fields = ["x", "g"] + ["state0", "state1"][:kinds - 2] + ["new_x", "new_state0", "new_state1"][:kinds - 1]
    yield f'{{.name = "{name}", .op = "{op}", .rate = {floating(rate)}, .steps = {int(steps)}'
    yield f', .nesterov = {"true" if attributes.pop("mode", b"") == b"nesterov" else "false"}'
    for key, value in sorted(attributes.items(), key=lambda item: ATTRIBUTES.index(item[0])):
        yield f", .{key} = {floating(value)}"
    for field, arrays in zip(fields, groups):
        yield f",\n .{field} = {{{', '.join(floats(a) for a in arrays)}}}"
    yield "},\n"


ATTRIBUTES = ["alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post", "decay_factor"]

LEFT_OUT = {"test_adam_multiple": {"epsilon": 1e-2}}  # the node does not say it; its numbers were made with it

OPTIMIZERS = """
struct onnx_optimizer_case {
  const char *name, *op;
  float rate;
  std::int64_t steps;  // T: updates before this one
  bool nesterov;
  float alpha = 0.9f, beta = 0.999f, epsilon = 1e-6f;  // of Adam; Momentum always has its own
  float norm_coefficient = 0, norm_coefficient_post = 0, decay_factor = 0;
  // One list of values for each weight. state0: Adagrad's H, the V of Momentum and Adam; state1: Adam's H.
  std::vector<std::vector<float>> x, g, state0, state1 = {}, new_x, new_state0, new_state1 = {};
};

"""


class Arrays:
    """Named arrays of C++, each written once."""

    def __init__(self):
        self.names, self.text = {}, ""

    def name(self, of, text):
        if (of, text) not in self.names:
            self.names[of, text] = f"onnx_{len(self.names)}"
            self.text += f"const {of} {self.names[of, text]}{text};\n"
        return self.names[of, text]


def loss(name, arrays):
    op, attributes, (x, target, *weight), outputs = read(name)
    with_logits = "true" if op == "SoftmaxCrossEntropyLoss" else "false"
    yield f'{{.name = "{name}", .softmax = {with_logits}, .reduction = "{attributes["reduction"].decode()}"'
    if "ignore_index" in attributes:
        yield f', .ignore_index = {attributes["ignore_index"]}'
    yield f",\n .sizes = {integers(x.shape)}"
    if x.size <= 600:
        yield f', .x = {arrays.name("std::vector<float>", floats(x))}'
    else:
        assert (numpy.random.RandomState(0).rand(x.size).astype("f") == x.ravel()).all(), name
        yield f", .x = onnx_random({x.size})"
    yield f', .target = {arrays.name("std::vector<std::int64_t>", integers(target))}'
    if weight:
        yield f', .weight = {arrays.name("std::vector<float>", floats(weight[0]))}'
    for field, values in zip(("loss", "log_probability"), outputs):
        every = 1 if values.size <= 600 else 41
        some = arrays.name("std::vector<float>", floats(numpy.ravel(values)[::every]))
        total = values.astype("d").sum()
        yield f",\n .{field} = {{.every = {every}, .values = {some}, .sum = {total:.17g}}}"
    yield "},\n"


LOSSES = """
// Numbers from 0 to 1 as numpy.random.RandomState(0).rand(count).
inline std::vector<float> onnx_random(std::int64_t count) {
  std::mt19937 bits(0);
  std::vector<float> out;
  for (std::int64_t i = 0; i < count; ++i) {
    const double high = static_cast<double>(bits() >> 5), low = static_cast<double>(bits() >> 6);
    out.push_back(static_cast<float>((high * 0x1p26 + low) * 0x1p-53));
  }
  return out;
}

// The elements 0, every, 2 every, ... of a result, and the sum of all.
struct onnx_result {
  std::size_t every = 0;
  std::vector<float> values = {};
  double sum = 0;
};

struct onnx_loss_case {
  const char* name;
  bool softmax;  // x are logits (SoftmaxCrossEntropyLoss), or the logarithms of probabilities
  const char* reduction;
  std::optional<std::int64_t> ignore_index = {};
  std::vector<std::int64_t> sizes;  // of x: (N, C, ...)
  std::vector<float> x;
  std::vector<std::int64_t> target;  // (N, ...)
  std::vector<float> weight = {};    // (C), or none
  onnx_result loss, log_probability = {};
};

"""


def cases(*prefixes):
    names = sorted(f.name for f in DATA.iterdir())
    return [n for n in names if n.startswith(prefixes) and not n.endswith("_expanded")]


def table(kind, rows):
    return f"const onnx_{kind}_case onnx_{kind}_cases[] = {{\n{rows}}};\n"


def write(name, text):
    wrap = textwrap.TextWrapper(120, subsequent_indent=" ", break_on_hyphens=False)
    (HERE / name).write_text("\n".join("\n".join(wrap.wrap(line)) for line in text.split("\n")))


rows = "".join(text for name in cases("test_ada", "test_momentum", "test_nesterov") for text in optimizer(name))
write("onnx_training.inc", HEAD + OPTIMIZERS + table("optimizer", rows))
arrays = Arrays()
rows = "".join(text for name in cases("test_sce_", "test_nllloss_") for text in loss(name, arrays))
write("onnx_losses.inc", HEAD + LOSSES + arrays.text + "\n" + table("loss", rows))
