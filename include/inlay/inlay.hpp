// inlay: deep learning inlaid in your own program. This header brings what needs nothing but the standard library
// and OpenMP; `inlay/xtensor.hpp`, `inlay/eigen.hpp` and `inlay/zlib.hpp` connect to those libraries. Beside it, so
// that only programs that use them compile them: `inlay/graph.hpp` writes down what a model computes (replay, summary),
// `inlay/compress.hpp` makes models smaller, `inlay/testing.hpp` checks layers.
//
//   core      tensors, memory, random numbers, threads, errors
//   kernels   mathematics on raw pointers, for every instruction set
//   autograd  weights, variables, the tape; how an operation becomes differentiable
//   ops       operations: matmul, relu, softmax, …
//   nn        layers        io       models to and from files
//   loss      objectives    optim    optimisers
//   data      datasets      metrics  accuracy and its kin
#pragma once

#include "autograd.hpp"
#include "core.hpp"
#include "data.hpp"
#include "io.hpp"
#include "kernels.hpp"
#include "loss.hpp"
#include "metrics.hpp"
#include "nn.hpp"
#include "ops.hpp"
#include "optim.hpp"
