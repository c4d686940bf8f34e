#!/usr/bin/python3
"""Writes ctc.inc beside itself: PyTorch's ctc_loss and its gradient for unnormalised scores, in double.

Run it with python3-torch and without arguments; the tests need no PyTorch.
"""
import pathlib
import textwrap

import torch
import torch.nn.functional as F

HEAD = """// Written by ctc.py: torch.nn.functional.ctc_loss of log_softmax(scores), scores[i] = 2 sin(0.7 i), in double.
#pragma once

#include <cstdint>
#include <vector>

struct ctc_case {
  const char* name;
  std::vector<std::int64_t> sizes, target_sizes, targets, input_lengths, target_lengths;
  std::int64_t blank;
  inlay::reduction how;
  bool zero_infinity;
  std::vector<double> loss, gradient;  // of sum(loss * (1, -2, 3, …))
};

inline const std::vector<ctc_case> ctc_cases{
"""

# name, (N, T, C), targets, input lengths, target lengths, blank, zero_infinity
PADDED = [[1, 2, 2], [3, 0, 0], [2, 2, 1]]
CASES = [
    ("padded", (3, 6, 4), PADDED, [6, 4, 5], [3, 1, 3], 0, False),
    ("flat, another blank", (3, 6, 4), [1, 0, 0, 3, 1, 1], [5, 6, 4], [3, 1, 2], 2, False),
    ("impossible, and empty targets", (3, 4, 3), [[1, 1, 1], [2, 0, 0], [1, 2, 0]], [4, 4, 3], [3, 0, 2], 0, True),
    ("one row", (7, 3), [1, 2, 2], [7], [3], 0, False),
]


def numbers(values):
    return "{" + ", ".join(repr(v) for v in values) + "}"


def case(name, sizes, targets, input_lengths, target_lengths, blank, zero_infinity, how):
    count = torch.Size(sizes).numel()
    scores = (2 * torch.sin(0.7 * torch.arange(count, dtype=torch.float64))).reshape(sizes).requires_grad_()
    single = len(sizes) == 2
    logs = scores.log_softmax(-1)
    y = torch.tensor(targets)
    lengths = [torch.tensor(x[0] if single else x) for x in (input_lengths, target_lengths)]
    loss = F.ctc_loss(logs if single else logs.transpose(0, 1), y, *lengths, blank, how, zero_infinity)
    weights = torch.tensor([1.0, -2, 3])[: loss.numel()].double().reshape(loss.shape)
    (loss * weights).sum().backward()
    fields = [
        f'"{name}, {how}"',
        numbers(sizes),
        numbers(y.shape),
        numbers(y.reshape(-1).tolist()),
        numbers(input_lengths),
        numbers(target_lengths),
        str(blank),
        f"inlay::reduction::{how}",
        str(zero_infinity).lower(),
        numbers(loss.detach().reshape(-1).tolist()),
        numbers(scores.grad.reshape(-1).tolist()),
    ]
    return "\n".join(textwrap.wrap("{" + ", ".join(fields) + "},", 118, initial_indent="    ", subsequent_indent="     "))


def main():
    text = [case(*c, how) for c in CASES for how in ("mean", "sum", "none")]
    (pathlib.Path(__file__).parent / "ctc.inc").write_text(HEAD + "\n".join(text) + "\n};\n")


main()
