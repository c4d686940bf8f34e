// Making models smaller and faster: weights in 8 bits. Beside inlay.hpp, not in it.
#pragma once

#include "compress/quantize.hpp"
