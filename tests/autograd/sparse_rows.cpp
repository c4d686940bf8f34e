// Shows: gradients of the rows that were read
// Gradients of a few rows: their sum has the rows of both, with the bits of the dense sum; beside a dense gradient they
// become dense.
#include <inlay/autograd/sparse_rows.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/node.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

tensor<float> rows(std::vector<std::int64_t> indices, std::uint64_t seed) {
  const auto count = static_cast<std::int64_t>(indices.size());
  const auto values = support::noise_values<float>(count * 3, seed);
  return detail::sparse_rows<float>::gradient({6, 3},
                                              from<std::int64_t>({count}, std::span<const std::int64_t>(indices)),
                                              from<float>({count, 3}, std::span<const float>(values)));
}

tensor<float> dense(const tensor<float>& of) {
  tensor<float> out = of;
  out.write([](std::span<float>) {});
  REQUIRE(out.representation() == nullptr);
  return out;
}

tensor<float> sum_of(tensor<float> a, const tensor<float>& b) {
  detail::add_into(a, b);
  return a;
}

}  // namespace

TEST_CASE("sparse rows: elements, parts") {
  const tensor<float> t = rows({1, 4}, 1);
  const auto list = t.representation()->rows();
  REQUIRE(list);
  for (std::int64_t i = 0; i < 6; ++i)
    for (std::int64_t j = 0; j < 3; ++j) {
      const float expected = i == 1   ? static_cast<const float*>(list->elements)[j]
                             : i == 4 ? static_cast<const float*>(list->elements)[3 + j]
                                      : 0;
      CHECK(t(i, j) == expected);
    }
  CHECK(t.representation()->parts().size() == 2);
  CHECK(std::string(t.representation()->name()) == "rows");
}

TEST_CASE("sparse rows: sums") {
  const tensor<float> a = rows({0, 2, 5}, 1), b = rows({2, 3, 5}, 2), none = rows({}, 3), last = rows({5}, 4);
  for (const auto& [x, y, count] : {std::tuple{a, b, 4u}, {b, a, 4u}, {a, none, 3u}, {none, a, 3u}, {last, b, 3u}}) {
    const tensor<float> both = sum_of(x, y);
    REQUIRE(both.representation() != nullptr);
    CHECK(both.representation()->rows()->indices.size() == count);
    CHECK(!both.has_elements());
    CHECK(support::same_bits(both.values(), sum_of(dense(x), dense(y)).values()));
  }
  const tensor<float> expected = sum_of(dense(a), dense(b));
  CHECK(support::same_bits(sum_of(dense(a), b).values(), expected.values()));
  CHECK(support::same_bits(sum_of(a, dense(b)).values(), expected.values()));
  CHECK(sum_of(a, dense(b)).representation() == nullptr);
}
