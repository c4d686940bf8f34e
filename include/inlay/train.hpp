// Room `train`: the training loop with callbacks and checkpoints, evaluation, search.
#pragma once

#include "train/best.hpp"
#include "train/callback.hpp"
#include "train/early_stopping.hpp"
#include "train/evaluate.hpp"
#include "train/finite.hpp"
#include "train/fit.hpp"
#include "train/hooks.hpp"
#include "train/keep_best.hpp"
#include "train/kept.hpp"
#include "train/run.hpp"
#include "train/validation.hpp"
