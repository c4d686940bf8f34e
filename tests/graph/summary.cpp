// Shows: a table of shapes, weights and multiplications
// The summary counts what there is: weights once, multiplications of every product, shapes with the names of axes.
#include <inlay/graph/summary.hpp>

#include <doctest/doctest.h>

#include <string>

#include <inlay/nn.hpp>
#include <inlay/ops.hpp>

using namespace inlay;

namespace {

struct small_net {
  nn::conv2d<float> conv{{.in = 2, .out = 4, .kernel = 3, .padding = 1}};
  nn::batch_norm<float> norm{{.features = 4}};
  nn::dense<float> head{{.in = 4, .out = 3}};
  auto operator()(const auto& x) const {
    auto y = mean(relu(norm(conv(x))), {.axes = {2, 3}});
    return matmul(head(y), head(y), {.transpose_b = true});
  }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
    visit("head", self.head);
  }
};

}  // namespace

TEST_CASE("summary: rows, totals and text") {
  const small_net net;
  const graph::record r(net, tensor<float>({2, 2, 5, 6}),
                        {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 2, .name = "H"}}});
  const graph::summary s(r);
  CHECK(s.parameters == parameter_count(net));
  CHECK(s.multiply_adds == 2 * 4 * 5 * 6 * 2 * 9 + 2 * (2 * 3 * 4) + 2 * 2 * 3);
  CHECK(s.text() ==
        "module  operation   output        weights  parameters  multiply-adds\n"
        "conv    conv2d      (N, 4, H, 6)  float32          76           4320\n"
        "norm    batch_norm  (N, 4, H, 6)  float32           8               \n"
        "norm    relu        (N, 4, H, 6)                                    \n"
        "norm    mean        (N, 4)                                          \n"
        "head    linear      (N, 3)        float32          15             24\n"
        "head    linear      (N, 3)        float32                         24\n"
        "head    matmul      (N, N)                                        12\n"
        "total                                              99           4380\n");
}
