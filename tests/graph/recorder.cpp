// Shows: (what cannot be recorded)
// What a record cannot be made of is refused, by a message that names the operation and the sizes.
#include <inlay/graph/recorder.hpp>

#include <doctest/doctest.h>

#include <string>

#include <inlay/graph/record.hpp>
#include <inlay/nn.hpp>
#include <inlay/ops.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

namespace {

graph::record_options batch() { return {.dynamic = {{.axis = 0, .name = "N"}}}; }

template <class F> std::string message(F&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

// As many steps as there are rows.
struct unrolled {
  nn::dense<float> next{{.in = 3, .out = 3}};
  auto operator()(const auto& x) const {
    auto y = slice(x, 0, 0, 1);
    for (std::int64_t i = 1; i < x.dim(0); ++i) y = next(y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("next", self.next); }
};

// Reads a weight that it does not list.
struct forgetful {
  nn::dense<float> f{{.in = 2, .out = 2}};
  auto operator()(const auto& x) const { return f(x); }
  static void members(auto&, auto&&) {}
};

// A number and a size that no product of sizes explains.
struct inverse_size {
  auto operator()(const auto& x) const { return x * (1 / static_cast<float>(x.dim(0))); }
  static void members(auto&, auto&&) {}
};
struct half_of {
  auto operator()(const auto& x) const { return slice(x, 0, 0, (x.dim(0) + 1) / 2); }
  static void members(auto&, auto&&) {}
};

// Takes four features, or the second four of more.
struct wide {
  auto operator()(const auto& x) const {
    if (x.dim(-1) == 4) return relu(x);
    return relu(slice(x, -1, 4, 8));
  }
  static void members(auto&, auto&&) {}
};

}  // namespace

TEST_CASE("recorder: what differs between sizes, or cannot be explained, is an error that names it") {
  CHECK(message([] {
          const graph::record r(unrolled(), made_up<float>({2, 3}, 1), batch());
        }) ==
        "[record] expected the same operations at N = 3 as at N = 2, got linear where there was nothing, as operation "
        "number 2");
  CHECK(message([] {
          const graph::record r(inverse_size(), made_up<float>({2, 3}, 1), batch());
        }) ==
        "[record] a constant of shape () moves with N, and no size explains how; compute it from the input, or give "
        "it as one");
  CHECK(message([] {
          const graph::record r(half_of(), made_up<float>({4, 3}, 1), batch());
        }) == "[record] attribute last of slice, operation number 0, moves with N, and no size explains how");
  CHECK(message([] {
          const graph::record r(forgetful(), made_up<float>({2, 2}, 1));
        }) == "[record] the model reads a weight of shape (2, 2) that it does not list; is it missing from members()?");
  CHECK(message([] {
          const graph::record r(wide(), made_up<float>({3, 4}, 1), {.dynamic = {{.axis = 1}}});
        }).starts_with("[slice] expected 0 <= first <= last <= size along axis -1 of (3, 5)"));
  CHECK(message([] {
          const graph::record r(nn::relu(), made_up<float>({3, 4}, 1), {.dynamic = {{.axis = 2}}});
        }) == "[shape] expected an axis of (3, 4), got 2");
  CHECK(message([] {
          const graph::record r(nn::relu(), made_up<float>({3, 4}, 1), {.dynamic = {{.axis = 0, .input = 1}}});
        }) == "[record] expected an .input from 0 to 0 and a .step of 1 or more, got 1 and 1");
}

TEST_CASE("recorder: an example that is empty, or axes of one name that differ, cannot tell") {
  CHECK(message([] {
          const nn::relu net;
          const graph::record r(net, tensor<float>({0, 3}), {.dynamic = {{.axis = 0}}});
        }) == "[record] expected an example that is not empty along its dynamic axes, got (0, 3)");
  CHECK(message([] {
          const nn::relu net;
          const graph::record r(net, tensor<float>({2, 3}), {.dynamic = {{.axis = 0}, {.axis = 1}}});
        }) == "[record] expected one size for axes named N, got 2 and 3");
}
