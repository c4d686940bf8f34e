// Convolution over two axes as users call it (N, C, H, W in and out), forward, and forward and backward with the
// gradients of x, weight and bias, beside libtorch and oneDNN's primitives in oneDNN's own layout.
#include "ours.hpp"

#include <inlay/nn/conv.hpp>

#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif

namespace {

struct sizes {
  std::int64_t n, c, side, k;
  bench::window at;
  std::int64_t out() const { return (side + 2 * at.padding - at.kernel) / at.stride + 1; }
};

struct problem {
  sizes s;
  inlay::tensor<float> x, dy;
  inlay::nn::conv2d<float> layer;

  explicit problem(const sizes& of)
      : s(of),
        x(bench::uniform({s.n, s.c, s.side, s.side})),
        dy(bench::uniform({s.n, s.k, s.out(), s.out()})),
        layer({.in = s.c,
               .out = s.k,
               .kernel = s.at.kernel,
               .stride = s.at.stride,
               .padding = s.at.padding,
               .groups = s.at.groups}) {}

  double flop() const { return 2.0 * static_cast<double>(dy.size() * (s.c / s.at.groups) * s.at.kernel * s.at.kernel); }
  // x, the weights and y, each once.
  double bytes() const { return 4.0 * static_cast<double>(x.size() + layer.weight.value().size() + dy.size()); }
};

struct targets {
  double onednn, torch;
};

bench::row make_row(const sizes& s, bool train, const targets& t) {
  const auto p = std::make_shared<problem>(s);
  const double flop = (train ? 3 : 1) * p->flop();
  bench::row out{.contestants = {}, .target = t.onednn, .work = flop * 1e-9, .rate = "GFLOP/s", .tolerance = 3e-5};
  const auto layer = [p](const auto& x) { return p->layer(x); };
  out.contestants.push_back(train ? bench::ours_recorded(p->x, {&p->layer.weight, &p->layer.bias}, p->dy, layer)
                                  : bench::ours([p, layer] { return layer(p->x); }));
  const bench::view x = bench::view_of(p->x), w = bench::view_of(p->layer.weight), b = bench::view_of(p->layer.bias);
  bench::view dy = bench::view_of(p->dy);
  if (!train) dy.values = nullptr;
#ifdef BENCH_ONEDNN
  out.contestants.push_back(
      bench::onednn_conv("oneDNN, own layout", dnnl::algorithm::convolution_direct, x, w, b, dy, s.at));
  try {
    out.contestants.push_back(
        bench::onednn_conv("oneDNN Winograd, own layout", dnnl::algorithm::convolution_winograd, x, w, b, dy, s.at));
  } catch (const dnnl::error&) {  // not for these sizes, or not on this machine
  }
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("conv2d", {x, w, b}, dy, s.at));
  out.contestants.back().target = t.torch;
#endif
  const bool wide = s.at.groups == 1;  // depthwise waits for memory
  out.contestants.push_back(wide ? bench::fma_limit(flop) : bench::memory_limit((train ? 3 : 1) * p->bytes()));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  bench::race race(argc, argv);
  const sizes wide{32, 64, 56, 64, {.kernel = 3, .padding = 1}}, one{1, 64, 56, 64, {.kernel = 3, .padding = 1}},
      first{8, 3, 224, 64, {.kernel = 7, .stride = 2, .padding = 3}}, pointwise{32, 64, 56, 256, {.kernel = 1}},
      deep{32, 64, 56, 64, {.kernel = 3, .padding = 1, .groups = 64}},
      digits{64, 1, 28, 32, {.kernel = 3, .padding = 1}}, maps{64, 32, 13, 64, {.kernel = 3, .padding = 1}};
  race.row(
      "conv3x3 N32 C64 56^2 K64, fwd",
      [&] {
        return make_row(wide, false, {1, 0});
      },
      bench::slow);
  race.row(
      "conv3x3 N32 C64 56^2 K64, fwd+bwd",
      [&] {
        return make_row(wide, true, {0, 0.8});
      },
      bench::slow);
  race.row("conv3x3 N1 C64 56^2 K64, fwd", [&] { return make_row(one, false, {1, 0}); });
  race.row("conv7x7 stride 2 N8 C3 224^2 K64, fwd", [&] { return make_row(first, false, {1, 0}); });
  race.row(
      "conv1x1 N32 C64 56^2 K256, fwd",
      [&] {
        return make_row(pointwise, false, {1, 0});
      },
      bench::slow);
  race.row("depthwise3x3 N32 C64 56^2, fwd", [&] { return make_row(deep, false, {0.9, 0}); });
  race.row("depthwise3x3 N32 C64 56^2, fwd+bwd", [&] { return make_row(deep, true, {0, 0.9}); });
  race.row("conv3x3 N64 C1 28^2 K32, fwd", [&] { return make_row(digits, false, {0.9, 0}); });
  race.row("conv3x3 N64 C32 13^2 K64, fwd", [&] { return make_row(maps, false, {1, 0}); });
}
