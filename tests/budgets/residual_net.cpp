// A residual net of DEPTH layers that trains for one step: depth is a number, so it must not show in the compile time.
#include <cstdint>
#include <inlay/inlay.hpp>
#include <vector>

struct residual {
  inlay::nn::dense<float> inner{{.in = 16, .out = 16}};
  auto operator()(const auto& x) const { return x + relu(inner(x)); }
  static void members(auto& self, auto&& visit) { visit("inner", self.inner); }
};

struct residual_net {
  std::vector<residual> layers = std::vector<residual>(DEPTH);
  inlay::nn::dense<float> scores{{.in = 16, .out = 2}};
  template <class X>
  auto operator()(X x) const {
    for (const auto& layer : layers) x = layer(x);
    return scores(x);
  }
  static void members(auto& self, auto&& visit) {
    visit("layers", self.layers);
    visit("scores", self.scores);
  }
};

int main() {
  residual_net net;
  inlay::optim::adam optimizer{net, {.learning_rate = 1e-3}};
  inlay::autograd::tape tape{{.seed = 7}};
  auto loss = inlay::loss::cross_entropy(net(tape.input(inlay::tensor<float>{inlay::shape{4, 16}, 1.0f})),
                                         inlay::tensor<std::int64_t>{inlay::shape{4}});
  loss.backward();
  optimizer.step();
}
