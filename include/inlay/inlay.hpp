// inlay: deep learning inlaid in your own program. This header brings models and their training step, and needs
// nothing but the standard library and OpenMP. Beside it, so that only programs that use them compile them, stand
// `sequence.hpp` (recurrent nets, attention, transformers), `io.hpp` (models to and from files), `data.hpp` (datasets,
// loaders), `metrics.hpp` (accuracy and its kin), `graph.hpp` (what a model computes, written down), `train.hpp` (the
// training loop, search), `compress.hpp` (smaller models), `text.hpp` (tokenizers, generation), `models.hpp` (well-known
// architectures) and `testing.hpp` (checks of layers); and those that connect to libraries: `xtensor.hpp`, `eigen.hpp`,
// `zlib.hpp`, `image.hpp`.
//
//   core      tensors, memory, random numbers, threads, errors
//   kernels   mathematics on raw pointers, for every instruction set
//   autograd  weights, variables, the tape; how an operation becomes differentiable
//   ops       operations: matmul, relu, softmax, …
//   nn        layers        loss     objectives    optim    optimisers
#pragma once

#include "autograd.hpp"
#include "core.hpp"
#include "kernels.hpp"
#include "loss.hpp"
#include "nn.hpp"
#include "ops.hpp"
#include "optim.hpp"
