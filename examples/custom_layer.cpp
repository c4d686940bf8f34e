// A layer, a loss and an operation of your own, in a plain training loop. The layer learns a curve from noisy samples:
// y = sum of Gaussian bumps whose centres, widths and heights are all trained.
#include <cmath>
#include <cstdio>
#include <inlay/inlay.hpp>
#include <inlay/testing.hpp>

namespace {

using namespace inlay;

// An operation with a gradient of its own: y = x^2.
struct square_op {
  static constexpr const char* name = "square";
  template <class T> tensor<T> forward(const tensor<T>& x) const { return x * x; }
  template <class T> tensor<T> keep(const tensor<T>& x, const tensor<T>&) const { return x; }
  template <class T> void backward(const tensor<T>& dy, const tensor<T>& x, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(dy * x * T{2});
  }
};
auto square(const auto& x) { return apply(square_op{}, x); }

// Radial basis functions: x (N, 1) -> (N, 1), y = sum_j height_j exp(-(x - centre_j)^2 width_j^2).
template <floating T> struct bumps {
  parameter<T> centre, width, height;

  explicit bumps(std::int64_t count)
      : centre(shape{1, count}, distribution::uniform(-3, 3)),
        width(shape{1, count}, distribution::uniform(0.5, 1.5)),
        height(shape{count, 1}, distribution::normal(0, 0.5)) {}

  auto operator()(const auto& x) const { return matmul(exp(-square((x - centre) * width)), height); }

  static void members(auto& self, auto&& visit) {
    visit("centre", self.centre);
    visit("width", self.width);
    visit("height", self.height);
  }
};

// A loss that outliers cannot dominate: mean of log(1 + d^2).
auto cauchy_loss(const auto& prediction, const auto& target) {
  using T = typename std::remove_cvref_t<decltype(prediction)>::value_type;
  return mean(log(square(prediction - target) + T{1}));
}

}  // namespace

int main() {
  // What the library asks of every layer of its own, it can ask of yours.
  random::generator g{1};
  bumps<double> checked(4);
  init::weights(checked, {.seed = 3});
  const testing::report report = testing::check_layer(checked, random::normal<double>(g, {5, 1}));
  std::fputs(report.text().c_str(), stdout);

  const tensor<float> x = random::uniform<float>(g, {512, 1}, -3, 3);
  tensor<float> y = x;
  y.write([](std::span<float> values) {
    for (float& v : values) v = std::sin(2 * v) + 0.3f * v;
  });
  y = y + random::normal<float>(g, {512, 1}, 0, 0.05f);

  bumps<float> curve(12);
  init::weights(curve, {.seed = 3});
  optim::adam optimizer{curve, {.learning_rate = 2e-2}};
  autograd::tape tape{{.seed = 1}};
  float last = 0;
  for (int step = 0; step <= 2000; ++step) {
    const auto loss = cauchy_loss(curve(tape.input(x)), y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    last = loss.item();
    if (step % 500 == 0) std::printf("step %4d: loss %.5f\n", step, static_cast<double>(last));
  }
  return report.ok() && last < 0.01f ? 0 : 1;
}
