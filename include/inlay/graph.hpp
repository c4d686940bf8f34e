// Room `graph`: what a model computes, written down: replay, taps, summary.
#pragma once

#include "graph/attributes.hpp"
#include "graph/record.hpp"
#include "graph/recorder.hpp"
#include "graph/sizes.hpp"
#include "graph/summary.hpp"
