// The program every consumer test builds: trains a two-layer perceptron on made-up points, saves it, reloads it into a
// second one, and returns 0 when the loss fell and both predict the same bits.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <string>

namespace {

struct perceptron {
  inlay::nn::dense<float> hidden{{.in = 2, .out = 16}};
  inlay::nn::dense<float> scores{{.in = 16, .out = 2}};
  auto operator()(const auto& x) const { return scores(relu(hidden(x))); }
  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

}  // namespace

int main(int argc, char** argv) {
  inlay::random::generator random{7};
  const auto points = inlay::random::uniform<float>(random, inlay::shape{256, 2}, -1, 1);
  inlay::tensor<std::int64_t> classes{inlay::shape{256}};
  for (std::int64_t i = 0; i < 256; ++i) classes(i) = points(i, 0) * points(i, 1) > 0;

  perceptron net;
  inlay::init::weights(net, {.seed = 7});
  inlay::optim::adam optimizer{net, {.learning_rate = 1e-2}};
  inlay::autograd::tape tape{{.seed = 7}};
  float first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    auto loss = inlay::loss::cross_entropy(net(tape.input(points)), classes);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    (step == 0 ? first : last) = loss.item();
  }

  const std::string path = std::string(argc > 1 ? argv[1] : argv[0]) + ".safetensors";
  inlay::io::save(net, path);
  perceptron reloaded;
  inlay::io::load(reloaded, path);
  std::filesystem::remove(path);

  const auto expected = net(points), predicted = reloaded(points);
  const bool same = std::ranges::equal(expected.values(), predicted.values());
  return last < first / 4 && same ? 0 : 1;
}
