// Names without definitions: for headers of yours that mention these types and do not use them.
#pragma once

#include <cstdint>

namespace inlay::inline v0_1 {

class error;
class shape;
class any_tensor;
class activation;
enum class isa : int;

namespace autograd {
class tape;
}
namespace optim {
class optimizer;
class sgd;
class adam;
}  // namespace optim
namespace metrics {
class accuracy;
class confusion_matrix;
}  // namespace metrics

}  // namespace inlay::inline v0_1
