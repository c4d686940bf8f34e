// Shows: rows of tokens padded to a batch; next-token targets
// Either side of padding and cutting, multiples, masks; targets where there is something to learn, and a loss that
// passes over the rest; what is refused.
#include <inlay/text/collate.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>

#include <cmath>

using namespace inlay;
using text::collate;
using text::side;

namespace {

using rows = std::vector<std::vector<std::int64_t>>;

rows lists(const tensor<std::int64_t>& t) {
  rows out;
  for (std::int64_t n = 0; n < t.dim(0); ++n) out.emplace_back(t.data() + n * t.dim(1), t.data() + (n + 1) * t.dim(1));
  return out;
}

const rows three{{1, 2, 3, 4, 5}, {6}, {7, 8, 9}};

}  // namespace

TEST_CASE("collate: sides, cuts and multiples") {
  const auto plain = collate(three, {.pad = -7});
  CHECK(lists(plain.tokens) == rows{{1, 2, 3, 4, 5}, {6, -7, -7, -7, -7}, {7, 8, 9, -7, -7}});
  CHECK(std::vector(plain.lengths.values().begin(), plain.lengths.values().end()) ==
        std::vector<std::int64_t>{5, 1, 3});
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t t = 0; t < 5; ++t) CHECK(plain.mask.at(n, t) == (t < plain.lengths.at(n)));
  const auto left = collate(three, {.left = true});
  CHECK(lists(left.tokens) == rows{{1, 2, 3, 4, 5}, {0, 0, 0, 0, 6}, {0, 0, 7, 8, 9}});
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t t = 0; t < 5; ++t) CHECK(left.mask.at(n, t) == (t >= 5 - left.lengths.at(n)));
  CHECK(lists(collate(three, {.max_length = 2}).tokens) == rows{{1, 2}, {6, 0}, {7, 8}});
  CHECK(lists(collate(three, {.max_length = 2, .truncate = side::pre}).tokens) == rows{{4, 5}, {6, 0}, {8, 9}});
  CHECK(collate(three, {.max_length = 9}).tokens.dim(1) == 5);
  CHECK(collate(three, {.multiple = 4}).tokens.dim(1) == 8);
  CHECK(collate(three, {.multiple = 5}).tokens.dim(1) == 5);
  CHECK(collate(three, {.max_length = 4, .multiple = 4}).tokens.dim(1) == 4);
  CHECK(collate({}).tokens.shape() == shape{0, 0});
  CHECK(collate({{}, {}}).tokens.shape() == shape{2, 0});
}

TEST_CASE("next_tokens: the token behind each, where both are real") {
  const auto right = text::next_tokens(collate(three, {.pad = 99}));
  CHECK(lists(right.x) == rows{{1, 2, 3, 4}, {6, 99, 99, 99}, {7, 8, 9, 99}});
  CHECK(lists(right.y) == rows{{2, 3, 4, 5}, {-100, -100, -100, -100}, {8, 9, -100, -100}});
  const auto left = text::next_tokens(collate(three, {.left = true}), -1);
  CHECK(lists(left.x) == rows{{1, 2, 3, 4}, {0, 0, 0, 0}, {0, 0, 7, 8}});
  CHECK(lists(left.y) == rows{{2, 3, 4, 5}, {-1, -1, -1, -1}, {-1, -1, 8, 9}});
  // The mean is over the six that count.
  const tensor<double> scores({12, 10}, 0.0);
  CHECK(loss::cross_entropy(scores, right.y.reshape({12})).item() == doctest::Approx(std::log(10.0)));
}

TEST_CASE("collate, next_tokens: what is refused") {
  CHECK_THROWS_WITH_AS(collate(three, {.max_length = 6, .multiple = 4}),
                       "[collate] expected .multiple of 1 or more and .max_length a multiple of it, got 4 and 6",
                       value_error);
  CHECK_THROWS_AS(collate(three, {.multiple = 0}), value_error);
  CHECK_THROWS_AS(collate(three, {.max_length = -1}), value_error);
  CHECK_THROWS_WITH_AS(text::next_tokens(collate({{1}, {2}})),
                       "[next_tokens] expected rows of two tokens or more, got (2, 1)", shape_error);
  CHECK_THROWS_AS(text::next_tokens(collate({})), shape_error);
}
