// Shows: (steps of a plan)
// Steps of a plan on a frame of their own: they read and write where the frame says, and operations take views of
// values that others made.
#include <inlay/graph/executable.hpp>

#include <doctest/doctest.h>

#include <inlay/nn.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

using graph::detail::frame;
using graph::detail::fusion;

struct net {
  nn::dense<float> a{{.in = 4, .out = 6, .activation = activation::tanh}};
  auto operator()(const auto& x) const {
    const auto y = a(x);
    return exp(reshape(y + y, {-1, 3}));
  }
  static void members(auto& self, auto&& visit) { visit("a", self.a); }
};

}  // namespace

TEST_CASE("executable: a product, a sum and an operation on one frame") {
  const net model;
  const auto x = made_up<float>({2, 4}, 1);
  const fusion f(graph::record(model, x));
  REQUIRE(f.nodes.size() == 4);  // product, sum, view, operation
  support::for_each_isa([&](isa) {
    tensor<float> y({2, 6}), z({2, 6});
    frame on;
    on.at.resize(f.data.size());
    on.made.resize(f.data.size(), any_tensor(tensor<float>()));
    const auto place = [&](std::int64_t id, const float* at) { on.at[static_cast<std::size_t>(id)] = at; };
    place(f.inputs[0], std::as_const(x).data());
    place(f.nodes[0].result, y.data());
    place(f.nodes[1].result, z.data());
    graph::detail::product(f.nodes[0], f.nodes[0].operands[0], f.data).run(on);
    CHECK(same_bits(y, model.a(x)));
    graph::detail::sum(f.nodes[1], f.nodes[1].operands, f.data).run(on);
    CHECK(same_bits(z, y + y));
    // The view's memory is the sum's.
    graph::detail::general(f.nodes[3], {f.nodes[1].result}, {}, f.data).run(on);
    CHECK(same_bits(on.made[static_cast<std::size_t>(f.nodes[3].result)].as<float>(), model(x)));
  });
}
