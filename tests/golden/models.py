#!/usr/bin/python3
"""Writes mlp.inc, lenet.inc, resnet.inc, vgg.inc and mobilenet.inc beside itself: what PyTorch's models give for
made-up weights and images, under torchvision's names.

Run it with python3-torch and python3-numpy and without arguments; the tests need neither. The modules are those of
torchvision (the counts of their weights, which it publishes, are checked here). Weights are a formula of their name and
index that tests/models/torch.hpp has as well; PyTorch computes with them in double.
"""
import pathlib

import numpy
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
HEAD = """// Written by models.py: PyTorch's models with made-up weights, computed in double.
#pragma once

#include "../models/torch.hpp"
"""


def noise(name, count):
    """Numbers in [-1, 1) of 24 bits: splitmix64 of the FNV-1a hash of the name plus the index."""
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        i = numpy.uint64(h) + numpy.arange(count, dtype="u8")
        i = (i + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
        i = (i ^ (i >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        i = (i ^ (i >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        i = i ^ (i >> numpy.uint64(31))
    return (i >> numpy.uint64(40)).astype("d") * 2.0**-23 - 1


def made_up(name, sizes):
    """The values of a tensor of a state_dict, rounded to 32 bits."""
    v = noise(name, int(numpy.prod(sizes)))
    if name.endswith("running_var"):
        v = 1 + 0.5 * v
    elif len(sizes) > 1:
        v = numpy.sqrt(6 / (numpy.prod(sizes) / sizes[0])) * v
    elif name.endswith("weight"):
        v = 1 + 0.25 * v
    else:
        v = 0.25 * v
    return torch.from_numpy(v.astype("f").astype("d").reshape(sizes))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = downsample

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, block, layers, width=64, classes=1000, small_images=False):
        super().__init__()
        self.inplanes = width
        if small_images:
            self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        else:
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if small_images else nn.MaxPool2d(3, 2, 1)
        self.layer1 = self.stage(block, width, layers[0], 1)
        self.layer2 = self.stage(block, width * 2, layers[1], 2)
        self.layer3 = self.stage(block, width * 4, layers[2], 2)
        self.layer4 = self.stage(block, width * 8, layers[3], 2)
        self.fc = nn.Linear(width * 8 * block.expansion, classes)

    def stage(self, block, planes, count, stride):
        blocks = []
        for i in range(count):
            out, step, downsample = planes * block.expansion, stride if i == 0 else 1, None
            if step != 1 or self.inplanes != out:
                downsample = nn.Sequential(nn.Conv2d(self.inplanes, out, 1, step, bias=False), nn.BatchNorm2d(out))
            blocks.append(block(self.inplanes, planes, step, downsample))
            self.inplanes = out
        return nn.Sequential(*blocks)

    def forward(self, x):
        y = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean((2, 3)))


class VGG(nn.Module):
    CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

    def __init__(self, depth, batch_norm=False, width=1.0, classes=1000, small_images=False, dropout=0.5):
        super().__init__()
        features, channels = [], 3
        for stage, out in zip(self.CONVOLUTIONS[depth], (64, 128, 256, 512, 512)):
            out = int(out * width)
            for _ in range(stage):
                features.append(nn.Conv2d(channels, out, 3, padding=1))
                features += [nn.BatchNorm2d(out)] if batch_norm else []
                features.append(nn.ReLU())
                channels = out
            features.append(nn.MaxPool2d(2, 2))
        side, hidden = (1, int(512 * width)) if small_images else (7, int(4096 * width))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d((side, side))
        self.classifier = nn.Sequential(
            nn.Linear(channels * side * side, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, classes))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def make_divisible(v, divisor=8):
    out = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return out + divisor if out < 0.9 * v else out


def conv_norm(channels, out, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, channels, out, stride, expand):
        super().__init__()
        hidden, parts = channels * expand, []
        if expand != 1:
            parts.append(conv_norm(channels, hidden, 1))
        parts += [conv_norm(hidden, hidden, 3, stride, hidden), nn.Conv2d(hidden, out, 1, bias=False),
                  nn.BatchNorm2d(out)]
        self.conv, self.straight = nn.Sequential(*parts), stride == 1 and channels == out

    def forward(self, x):
        return x + self.conv(x) if self.straight else self.conv(x)


class MobileNetV2(nn.Module):
    SETTING = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
               (6, 320, 1, 1))

    def __init__(self, width=1.0, classes=1000, stem_stride=2, dropout=0.2):
        super().__init__()
        channels, last = make_divisible(32 * width), make_divisible(1280 * max(1.0, width))
        features = [conv_norm(3, channels, 3, stem_stride)]
        for expand, c, count, stride in self.SETTING:
            for i in range(count):
                out = make_divisible(c * width)
                features.append(InvertedResidual(channels, out, stride if i == 0 else 1, expand))
                channels = out
        self.features = nn.Sequential(*features, conv_norm(channels, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class LeNet(nn.Module):
    def __init__(self, channels, classes, image, classical):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=(32 - image) // 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)
        self.f, self.pool = (torch.tanh, nn.AvgPool2d(2)) if classical else (torch.relu, nn.MaxPool2d(2))

    def forward(self, x):
        y = self.pool(self.f(self.conv2(self.pool(self.f(self.conv1(x))))))
        return self.fc3(self.f(self.fc2(self.f(self.fc1(torch.flatten(y, 1))))))


def numbers(values):
    return "{" + ", ".join(f"{v:.9g}" for v in values.detach().reshape(-1).tolist()) + "}"


def case(name, model, sizes, weight, statistic="", trained_gradient=True):
    """The state_dict; what model.eval() gives, and the gradient of one weight for made-up gradients of that; where
    there is a running statistic, what model.train() gives and what becomes of it. In deep nets rounding may take an
    element to the other side of a relu, and the gradient in training with it: those are left out."""
    model = model.double()
    state = model.state_dict()
    for key, value in state.items():
        value.copy_(torch.tensor(7) if key.endswith("num_batches_tracked") else made_up(key, value.shape))
    x = torch.from_numpy(noise("input", int(numpy.prod(sizes))).reshape(sizes))
    names = "\n".join(" ".join([key, *map(str, value.shape)]) for key, value in state.items())
    yield f'inline const support::torch_case {name}{{\n    .state = R"({names})",\n'
    yield f'    .x = {{{", ".join(map(str, sizes))}}},\n'
    parameter = dict(model.named_parameters())[weight]

    def run():
        y = model(x)
        parameter.grad = None
        y.backward(torch.from_numpy(noise("gradient", y.numel()).reshape(y.shape)))
        return f"y = {numbers(y)},\n", f"gradient = {numbers(parameter.grad)}"

    model.eval()
    y, gradient = run()
    yield f'    .{y}    .weight = "{weight}",\n    .{gradient}'
    if statistic:
        model.train()
        y, gradient = run()
        yield f',\n    .trained_{y}'
        if trained_gradient:
            yield f'    .trained_{gradient},\n'
        yield f'    .statistic = "{statistic}",\n    .moved = {numbers(model.state_dict()[statistic])}'
    yield "};\n\n"


def check_counts():
    def count(model):
        return sum(p.numel() for p in model.parameters())

    published = {
        11689512: lambda: ResNet(BasicBlock, (2, 2, 2, 2)), 21797672: lambda: ResNet(BasicBlock, (3, 4, 6, 3)),
        25557032: lambda: ResNet(Bottleneck, (3, 4, 6, 3)), 44549160: lambda: ResNet(Bottleneck, (3, 4, 23, 3)),
        60192808: lambda: ResNet(Bottleneck, (3, 8, 36, 3)), 3504872: MobileNetV2,
        132863336: lambda: VGG(11), 132868840: lambda: VGG(11, True), 133047848: lambda: VGG(13),
        133053736: lambda: VGG(13, True), 138357544: lambda: VGG(16), 138365992: lambda: VGG(16, True),
        143667240: lambda: VGG(19), 143678248: lambda: VGG(19, True)}
    for weights, make in published.items():
        assert count(make()) == weights, (count(make()), weights)
    for width in (0.35, 1.4):
        print(f"mobilenet, width {width}: {count(MobileNetV2(width))}")
    print(f"resnet 18 for small images, 10 classes: {count(ResNet(BasicBlock, (2, 2, 2, 2), 64, 10, True))}")
    print(f"lenet: {count(LeNet(1, 10, 28, False))}")


def cases():
    yield "mlp", {
        "mlp_plain": (nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 5), nn.Sigmoid(), nn.Linear(5, 3)),
                      (4, 6), "0.bias"),
        "mlp_normed": (nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.0),
                                     nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.0),
                                     nn.Linear(5, 3)), (4, 6), "0.weight", "1.running_mean")}
    yield "lenet", {
        "lenet_modern": (LeNet(1, 10, 28, False), (2, 1, 28, 28), "conv1.weight"),
        "lenet_classical": (LeNet(3, 5, 32, True), (2, 3, 32, 32), "conv1.bias")}
    yield "resnet", {
        "resnet18": (ResNet(BasicBlock, (2, 2, 2, 2), 4, 5), (2, 3, 64, 64), "layer1.0.conv1.weight",
                     "layer2.0.downsample.1.running_var"),
        "resnet50": (ResNet(Bottleneck, (3, 4, 6, 3), 2, 5, True), (3, 3, 16, 16), "conv1.weight",
                     "layer4.2.bn3.running_mean", False)}
    yield "vgg", {
        "vgg11": (VGG(11, False, 1 / 32, 5, dropout=0.0), (2, 3, 64, 64), "features.0.weight"),
        "vgg16_bn": (VGG(16, True, 1 / 16, 5, True, 0.0), (4, 3, 32, 32), "features.1.weight",
                     "features.41.running_mean")}
    yield "mobilenet", {
        "mobilenet_v2": (MobileNetV2(0.1, 5, 1, 0.0), (4, 3, 32, 32), "features.0.0.weight",
                         "features.17.conv.3.running_mean", False)}


if __name__ == "__main__":
    check_counts()
    for room, models in cases():
        text = "".join("".join(case(name, *arguments)) for name, arguments in models.items())
        (HERE / f"{room}.inc").write_text(HEAD + "\n" + text.rstrip() + "\n")
