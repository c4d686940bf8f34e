// Room `data`: datasets, batches, tables, what is learnt from them, images.
#pragma once

#include "data/augment.hpp"
#include "data/cifar.hpp"
#include "data/clean.hpp"
#include "data/columns.hpp"
#include "data/csv.hpp"
#include "data/dataset.hpp"
#include "data/encoder.hpp"
#include "data/idx.hpp"
#include "data/imputer.hpp"
#include "data/loader.hpp"
#include "data/mixup.hpp"
#include "data/pad_sequences.hpp"
#include "data/resize.hpp"
#include "data/scaler.hpp"
#include "data/split.hpp"
#include "data/stream.hpp"
