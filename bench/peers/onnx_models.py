#!/usr/bin/python3
"""Writes FOLDER/<kind>.onnx for every FOLDER/<kind>.npz: the networks of bench/models.cpp and bench/sequence.cpp with
these weights."""
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.used = {}

    def add(self, kind, inputs, **attributes):
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def constant(self, name, values):
        self.used[name] = numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def dense(self, x, path):
        return self.add("Gemm", [x, self.weight(path + ".weight"), self.weight(path + ".bias")], transB=1)

    def conv(self, x, path, stride=1, padding=0):
        weight, bias = path + ".weight", path + ".bias"
        inputs = [x, self.weight(weight)] + ([self.weight(bias)] if bias in self.weights else [])
        kernel = list(self.weights[weight].shape[2:])
        return self.add("Conv", inputs, kernel_shape=kernel, strides=[stride] * 2, pads=[padding] * 4)

    def norm(self, x, path):
        parts = [self.weight(f"{path}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.add("BatchNormalization", [x, *parts], epsilon=1e-5)

    def pool(self, x, kernel, stride, padding=0):
        return self.add("MaxPool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[padding] * 4)

    def relu(self, x):
        return self.add("Relu", [x])

    def model(self, y, sizes, outputs, of_x=TensorProto.FLOAT):
        self.nodes.append(helper.make_node("Identity", [y], ["y"]))
        value = lambda name, kind, shape: helper.make_tensor_value_info(name, kind, ["N", *shape])
        graph = helper.make_graph(self.nodes, "network", [value("x", of_x, sizes)],
                                  [value("y", TensorProto.FLOAT, outputs)], list(self.used.values()))
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        onnx.checker.check_model(made)
        return made


def perceptron(weights):
    g, x, i = Graph(weights), "x", 0
    while f"layers.{i}.weight" in weights:
        x = g.dense(g.relu(x) if i > 0 else x, f"layers.{i}")
        i += 1
    return g.model(x, [weights["layers.0.weight"].shape[1]], [weights[f"layers.{i - 1}.weight"].shape[0]])


def lenet(weights):
    g = Graph(weights)
    x = g.pool(g.relu(g.conv("x", "conv1")), 2, 2)
    x = g.pool(g.relu(g.conv(x, "conv2")), 2, 2)
    x = g.relu(g.dense(g.add("Flatten", [x]), "hidden"))
    return g.model(g.dense(x, "scores"), [1, 28, 28], [10])


def resnet18(weights):
    g = Graph(weights)
    x = g.pool(g.relu(g.norm(g.conv("x", "conv1", 2, 3), "bn1")), 3, 2, 1)
    for stage in range(1, 5):
        for i in range(2):
            path, stride = f"layer{stage}.{i}.", 2 if stage > 1 and i == 0 else 1
            y = g.relu(g.norm(g.conv(x, path + "conv1", stride, 1), path + "bn1"))
            y = g.norm(g.conv(y, path + "conv2", 1, 1), path + "bn2")
            if path + "downsample.0.weight" in weights:
                x = g.norm(g.conv(x, path + "downsample.0", stride), path + "downsample.1")
            x = g.relu(g.add("Add", [y, x]))
    x = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    return g.model(g.dense(x, "fc"), [3, 224, 224], [1000])


def lstm(weights):
    g, (hidden, inputs) = Graph(weights), (weights["cells.0.weight_hh"].shape[1], weights["cells.0.weight_ih"].shape[1])

    def gates(name):  # from i, f, g, o to i, o, f, g
        i, f, c, o = numpy.split(weights["cells.0." + name], 4)
        return numpy.concatenate([i, o, f, c])

    parts = [g.constant("W", gates("weight_ih")[None]), g.constant("R", gates("weight_hh")[None]),
             g.constant("B", numpy.concatenate([gates("bias_ih"), gates("bias_hh")])[None])]
    y = g.add("LSTM", ["x", *parts], hidden_size=hidden)
    return g.model(g.add("Squeeze", [y, g.constant("direction", numpy.array([1]))]), [1, inputs], [1, hidden])


def gpt(weights, heads=4):
    # With the operations that ONNX Runtime's own tools make of an exported GPT.
    g, (context, features) = Graph(weights), weights["places.weight"].shape
    own = {"domain": "com.microsoft"}

    def norm(x, path):
        return g.add("LayerNormalization", [x, g.weight(path + ".weight"), g.weight(path + ".bias")], epsilon=1e-5)

    def product(x, path):
        return g.add("MatMul", [x, g.constant(path + ".transposed", weights[path + ".weight"].T)])

    def dense(x, path):
        return g.add("Add", [product(x, path), g.weight(path + ".bias")])

    x = g.add("Add", [g.add("Gather", [g.weight("embedding.weight"), "x"]), g.weight("places.weight")])
    i = 0
    while f"blocks.{i}.norm1.weight" in weights:
        path = f"blocks.{i}."
        weight, bias = (numpy.concatenate([weights[f"{path}attention.{of}.{part}"] for of in ("query", "key", "value")])
                        for part in ("weight", "bias"))
        joined = [g.constant(path + "qkv.weight", weight.T), g.constant(path + "qkv.bias", bias)]
        y = g.add("Attention", [norm(x, path + "norm1"), *joined], num_heads=heads, unidirectional=1, **own)
        x = g.add("Add", [x, dense(y, path + "attention.out")])
        y = product(norm(x, path + "norm2"), path + "feed_forward.up")
        y = g.add("FastGelu", [y, g.weight(path + "feed_forward.up.bias")], **own)
        x = g.add("Add", [x, dense(y, path + "feed_forward.down")])
        i += 1
    y = product(norm(x, "norm"), "embedding")
    return g.model(y, [context], [context, weights["embedding.weight"].shape[0]], TensorProto.INT64)


kinds = {"lenet": lenet, "resnet18": resnet18, "lstm": lstm, "gpt": gpt}
for file in pathlib.Path(sys.argv[1]).glob("*.npz"):
    made = kinds.get(file.stem, perceptron)(dict(numpy.load(file)))
    onnx.save(made, str(file.with_suffix(".onnx")))
