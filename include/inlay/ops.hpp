// Room `ops`: operations on tensors, variables and parameters. One struct each: what it computes, what it keeps,
// how gradients come back; and one function that applies it.
#pragma once

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/concat.hpp"
#include "ops/conv.hpp"
#include "ops/cross_entropy.hpp"
#include "ops/dropout.hpp"
#include "ops/exponential.hpp"
#include "ops/extents.hpp"
#include "ops/gemm.hpp"
#include "ops/linear.hpp"
#include "ops/map.hpp"
#include "ops/matmul.hpp"
#include "ops/packed.hpp"
#include "ops/pool.hpp"
#include "ops/reduce.hpp"
#include "ops/reduction.hpp"
#include "ops/reshape.hpp"
#include "ops/softmax.hpp"
#include "ops/transpose.hpp"
