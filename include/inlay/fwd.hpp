// Names without definitions: for headers that mention tensors and variables and do not use them.
#pragma once

#include <cstdint>

namespace inlay::inline v0_1 {

class error;
class shape;
class any_tensor;

}  // namespace inlay::inline v0_1
