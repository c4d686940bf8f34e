// Room `kernels`: mathematics on raw pointers, sizes and strides. No allocation, no checks, no tensors.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/compare.hpp"
#include "kernels/conv.hpp"
#include "kernels/conv_direct.hpp"
#include "kernels/conv_winograd.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/functions.hpp"
#include "kernels/gemm.hpp"
#include "kernels/int8.hpp"
#include "kernels/math.hpp"
#include "kernels/norm.hpp"
#include "kernels/permute.hpp"
#include "kernels/pool.hpp"
#include "kernels/reduce.hpp"
#include "kernels/softmax.hpp"
#include "kernels/update.hpp"
