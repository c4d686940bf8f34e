// Room `compress`: models made smaller and faster: weights in 8 bits, channels taken out.
#pragma once

#include "compress/prune.hpp"
#include "compress/quantize.hpp"
