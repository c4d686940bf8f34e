// Room `nn`: layers, one per file: config, class, forward, members.
#pragma once

#include "nn/activation.hpp"
#include "nn/any_module.hpp"
#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/dense.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/flatten.hpp"
#include "nn/init.hpp"
#include "nn/layer_norm.hpp"
#include "nn/lstm_cell.hpp"
#include "nn/pool.hpp"
#include "nn/residual.hpp"
#include "nn/rms_norm.hpp"
#include "nn/sequential.hpp"
