// Shows: one LSTM step
// One LSTM step and three in a row against PyTorch; every judge on an unrolled net.
#include <inlay/nn/lstm_cell.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/concat.hpp>
#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::wave;

namespace {

// x (N, 3 steps · 2 features) -> the last h and c (N, 4).
struct unrolled {
  nn::lstm_cell<double> cell{{.in = 2, .hidden = 2}};
  auto operator()(const auto& x) const {
    auto state = cell(slice(x, 1, 0, 2), cell.start(x.dim(0)));
    for (std::int64_t t = 1; t < 3; ++t) state = cell(slice(x, 1, 2 * t, 2 * t + 2), state);
    return concat(1, state.h, state.c);
  }
  static void members(auto& self, auto&& visit) { visit("cell", self.cell); }
};

}  // namespace

TEST_CASE("lstm_cell: PyTorch's numbers, and every judge") {
  unrolled net;
  net.cell.weight_ih.assign(wave({8, 2}, 0.1));
  net.cell.weight_hh.assign(wave({8, 2}, 0.2));
  net.cell.bias_ih.assign(wave({8}, 0.3));
  net.cell.bias_hh.assign(wave({8}, 0.4));
  const auto x = wave({2, 6}, 0.5);
  const auto golden =
      from<double>({2, 4}, {-0.03267508390292415, -0.19385110325157162, -0.391775213592909, -0.7957319236222384,
                            -0.03376896307723184, -0.009899216793310498, -0.1266063373595381, -0.1981652085268554});
  const auto r = testing::check_layer(net, x, {.golden = golden});
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("lstm_cell: members, no bias, and what is refused") {
  const nn::lstm_cell<float> cell{{.in = 3, .hidden = 4, .bias = false}};
  CHECK(members_of(cell).size() == 2);
  CHECK(cell.weight_ih.shape() == shape{16, 3});
  const auto next = cell(tensor<float>(shape{5, 3}), cell.start(5));
  CHECK(next.h.shape() == shape{5, 4});
  CHECK_THROWS_AS(cell(tensor<float>(shape{5, 2}), cell.start(5)), shape_error);
  CHECK_THROWS_AS(cell(tensor<float>(shape{5, 3}), cell.start(4)), shape_error);
  CHECK_THROWS_AS((nn::lstm_cell<float>{{.in = 3}}), value_error);
}
