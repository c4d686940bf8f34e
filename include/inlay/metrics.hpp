// Room `metrics`: how good a model is, gathered batch by batch: update, value, reset.
#pragma once

#include "metrics/accuracy.hpp"
#include "metrics/confusion_matrix.hpp"
#include "metrics/predictions.hpp"
#include "metrics/top_k_accuracy.hpp"
