// Room `graph`: what a model computes, written down: replay, taps, summary.
#pragma once

#include "graph/record.hpp"
#include "graph/sizes.hpp"
#include "graph/summary.hpp"
