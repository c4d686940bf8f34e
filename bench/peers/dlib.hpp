// dlib. The network is the one like LeNet.
#pragma once

#include "network.hpp"

namespace bench {

make_network make_dlib;

}  // namespace bench
