// Room `core`: errors, shapes, memory, tensors, random numbers, threads, instruction sets.
#pragma once

#include "core/any_tensor.hpp"
#include "core/block.hpp"
#include "core/config.hpp"
#include "core/dtype.hpp"
#include "core/error.hpp"
#include "core/isa.hpp"
#include "core/pool.hpp"
#include "core/print.hpp"
#include "core/random.hpp"
#include "core/representation.hpp"
#include "core/shape.hpp"
#include "core/simd.hpp"
#include "core/tensor.hpp"
#include "core/threads.hpp"
#include "core/version.hpp"
#include "core/worker.hpp"
