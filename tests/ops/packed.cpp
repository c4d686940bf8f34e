// Shows: (packed weights)
// Packed forms are made once for a weight, again after it is written, and never kept for plain tensors.
#include <inlay/ops/packed.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("packed: kept with a weight until it is written") {
  int made = 0;
  const auto pack = [&](const tensor<float>& w, int layout) {
    return detail::packed<float>(w, {w.data(), {2, 3, 3}, layout, isa::plain}, [&] {
      ++made;
      return full<float>({6}, static_cast<float>(made));
    });
  };
  parameter<float> weight{ones<float>({2, 3})};
  CHECK(pack(weight.value(), 0).values()[0] == 1);
  CHECK(pack(weight.value(), 0).values()[0] == 1);
  CHECK(pack(weight.value(), 1).values()[0] == 2);  // another layout
  CHECK(pack(weight.value(), 0).values()[0] == 1);
  weight.write([](std::span<float> values) { values[0] = 5; });
  CHECK(pack(weight.value(), 0).values()[0] == 3);
  const tensor<float> plain = ones<float>({2, 3});
  pack(plain, 0);
  pack(plain, 0);
  CHECK(made == 5);
}
