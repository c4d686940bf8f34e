// Room `metrics`: how good a model is, gathered batch by batch: update, value, reset.
#pragma once

#include "metrics/accuracy.hpp"
#include "metrics/average_precision.hpp"
#include "metrics/class_scores.hpp"
#include "metrics/classification_report.hpp"
#include "metrics/confusion_matrix.hpp"
#include "metrics/latency.hpp"
#include "metrics/log_loss.hpp"
#include "metrics/meters.hpp"
#include "metrics/metric.hpp"
#include "metrics/precision_recall.hpp"
#include "metrics/predictions.hpp"
#include "metrics/ranking.hpp"
#include "metrics/regression.hpp"
#include "metrics/roc_auc.hpp"
#include "metrics/top_k_accuracy.hpp"
