// What works on sequences: recurrent nets, attention, transformers, with their operations and kernels, and the loss
// of sequences without places. It stands beside `inlay.hpp`, because every program would pay for it in compile time.
#pragma once

#include "kernels/attention.hpp"
#include "kernels/ctc.hpp"
#include "kernels/gru.hpp"
#include "kernels/lstm.hpp"
#include "kernels/rotary.hpp"
#include "loss/ctc.hpp"
#include "nn/gru.hpp"
#include "nn/kv_cache.hpp"
#include "nn/lstm.hpp"
#include "nn/lstm_cell.hpp"
#include "nn/multi_head_attention.hpp"
#include "nn/recurrent.hpp"
#include "nn/rnn.hpp"
#include "nn/transformer.hpp"
#include "ops/attention.hpp"
#include "ops/gru.hpp"
#include "ops/lstm.hpp"
#include "ops/recurrent.hpp"
#include "ops/rnn.hpp"
#include "ops/rotary.hpp"
