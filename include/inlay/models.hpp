// Room `models`: well-known architectures as structs with configs, and PyTorch's weights for them.
#pragma once

#include "models/bert.hpp"
#include "models/gpt.hpp"
#include "models/lenet.hpp"
#include "models/lstm_lm.hpp"
#include "models/mlp.hpp"
#include "models/mobilenet.hpp"
#include "models/parts.hpp"
#include "models/resnet.hpp"
#include "models/seq2seq.hpp"
#include "models/torch_names.hpp"
#include "models/vgg.hpp"
#include "models/vit.hpp"
