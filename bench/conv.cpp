// Convolution over two axes, forward, as users call it (N, C, H, W in and out, weights prepared), beside oneDNN's
// direct one: with rows in and out, and in its own layout, where reordering is not counted.
#include "limit.hpp"

#include <inlay/nn/conv.hpp>

#include <memory>

#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif

namespace {

struct sizes {
  std::int64_t n, c, h, w, k, kernel, stride, padding, groups;
  std::int64_t out(std::int64_t in) const { return (in + 2 * padding - kernel) / stride + 1; }
};

struct problem {
  sizes s;
  inlay::tensor<float> x;
  inlay::nn::conv2d<float> layer;

  explicit problem(const sizes& of)
      : s(of),
        layer({.in = of.c,
               .out = of.k,
               .kernel = of.kernel,
               .stride = of.stride,
               .padding = of.padding,
               .groups = of.groups}) {
    inlay::random::generator g(7);
    x = inlay::random::uniform<float>(g, {s.n, s.c, s.h, s.w}, -1, 1);
  }
  std::int64_t outputs() const { return s.n * s.k * s.out(s.h) * s.out(s.w); }
};

// Outputs that are compared: a few thousand, spread over all images, channels and places.
std::vector<std::int64_t> sampled(const problem& p) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < p.outputs(); i += p.outputs() / 2000 + 1) out.push_back(i);
  return out;
}

std::vector<float> sample(const problem& p, const float* y) {
  std::vector<float> out;
  for (const std::int64_t i : sampled(p)) out.push_back(y[i]);
  return out;
}

std::vector<float> expected(const problem& p) {
  const sizes& s = p.s;
  const std::int64_t height = s.out(s.h), width = s.out(s.w), of_group = s.c / s.groups;
  const float *x = std::as_const(p.x).data(), *w = p.layer.weight.value().data(), *b = p.layer.bias.value().data();
  std::vector<float> out;
  for (const std::int64_t at : sampled(p)) {
    const std::int64_t column = at % width, row = at / width % height, k = at / (width * height) % s.k,
                       n = at / (width * height * s.k), first = k / (s.k / s.groups) * of_group;
    double sum = static_cast<double>(b[k]);
    for (std::int64_t c = 0; c < of_group; ++c)
      for (std::int64_t i = 0; i < s.kernel; ++i)
        for (std::int64_t j = 0; j < s.kernel; ++j) {
          const std::int64_t y = row * s.stride + i - s.padding, z = column * s.stride + j - s.padding;
          if (y < 0 || y >= s.h || z < 0 || z >= s.w) continue;
          sum += static_cast<double>(x[((n * s.c + first + c) * s.h + y) * s.w + z]) *
                 static_cast<double>(w[((k * of_group + c) * s.kernel + i) * s.kernel + j]);
        }
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

bench::row make_row(const std::string& name, const sizes& s) {
  const auto p = std::make_shared<const problem>(s);
  const double flop = 2.0 * static_cast<double>(p->outputs() * (s.c / s.groups) * s.kernel * s.kernel);
  bench::row out{.name = name,
                 .unit = bench::gflop_rate,
                 .work = flop,
                 .flop = flop,
                 .contestants = {},
                 .expected = expected(*p),
                 .tolerance = 1e-5};
  const auto y = std::make_shared<inlay::tensor<float>>();
  out.contestants.push_back({.name = "inlay",
                             .call = [=] { *y = p->layer(p->x); },
                             .result = [=] { return sample(*p, std::as_const(*y).data()); },
                             .role = bench::role::ours});
#ifdef BENCH_ONEDNN
  const auto conv =
      std::make_shared<bench::convolution>(s, p->layer.weight.value().data(), p->layer.bias.value().data());
  const auto rows = std::make_shared<std::vector<float>>(static_cast<std::size_t>(p->outputs()));
  out.contestants.push_back({.name = "oneDNN",
                             .call = [=] { conv->run(std::as_const(p->x).data(), rows->data()); },
                             .result = [=] { return sample(*p, rows->data()); }});
  out.contestants.push_back({.name = "oneDNN, own layout",
                             .call = [=] { conv->run_own(); },
                             .result =
                                 [=] {
                                   conv->run(std::as_const(p->x).data(), rows->data());
                                   return sample(*p, rows->data());
                                 }});
#endif
  out.contestants.push_back(bench::limit());
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::function<bench::row()>> rows;
  rows.push_back([] { return make_row("conv3x3 N32 C64 56^2 K64", {32, 64, 56, 56, 64, 3, 1, 1, 1}); });
  rows.push_back([] { return make_row("conv3x3 N1 C64 56^2 K64", {1, 64, 56, 56, 64, 3, 1, 1, 1}); });
  rows.push_back([] { return make_row("conv1x1 N32 C64 56^2 K256", {32, 64, 56, 56, 256, 1, 1, 0, 1}); });
  rows.push_back([] { return make_row("conv7x7 stride 2 N8 C3 224^2 K64", {8, 3, 224, 224, 64, 7, 2, 3, 1}); });
  rows.push_back([] { return make_row("conv3x3 N64 C1 28^2 K32", {64, 1, 28, 28, 32, 3, 1, 1, 1}); });
  rows.push_back([] { return make_row("conv3x3 N64 C32 13^2 K64", {64, 32, 13, 13, 64, 3, 1, 1, 1}); });
  rows.push_back([] { return make_row("depthwise3x3 N32 C64 56^2", {32, 64, 56, 56, 64, 3, 1, 1, 64}); });
  return bench::compete(argc, argv, rows);
}
