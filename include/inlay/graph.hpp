// Room `graph`: what a model computes, written down: replay, taps, summary, plans.
#pragma once

#include "graph/attributes.hpp"
#include "graph/executable.hpp"
#include "graph/fusion.hpp"
#include "graph/plan.hpp"
#include "graph/record.hpp"
#include "graph/recorder.hpp"
#include "graph/sizes.hpp"
#include "graph/summary.hpp"
