// The perceptron on libtorch's C++ interface.
#pragma once

#include "network.hpp"

namespace bench {
make_network make_torch;
}
