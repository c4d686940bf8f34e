// A training loop of your own, for handwritten digits: gradients of several small batches added up before each step,
// clipping by norm, a learning rate by a formula of the program, no weight decay on biases and norms, and averaged
// weights (EMA) compared with the last ones.
//   custom_loop [FILE.csv]     default: data/digits.csv
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include custom_loop.cpp -o custom_loop && ./custom_loop
#include <cmath>
#include <cstdio>
#include <numbers>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/metrics.hpp>

namespace {

using namespace inlay;

// Group normalisation looks at one sample at a time, so that four batches of 16 do what one of 64 would.
struct digit_net {
  nn::conv2d<float> first{{.in = 1, .out = 24, .kernel = 3, .padding = 1}};
  nn::group_norm<float> norm{{.groups = 4, .channels = 24}};
  nn::conv2d<float> second{{.in = 24, .out = 48, .kernel = 3, .padding = 1, .activation = activation::relu}};
  nn::max_pool2d pool{{.kernel = 2}};
  nn::dropout drop{{.p = 0.3}};
  nn::dense<float> hidden{{.in = 48 * 4 * 4, .out = 64, .activation = activation::relu}};
  nn::dense<float> scores{{.in = 64, .out = 10}};

  auto operator()(const auto& x) const {
    return scores(drop(hidden(drop(flatten(pool(second(relu(norm(first(x))))))))));
  }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("norm", self.norm);
    visit("second", self.second);
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

using digits = data::tensor_dataset<float, std::int64_t>;

digits read(const std::string& path) {
  const data::table table = data::read_csv(path);
  const tensor<float> pixels = table.columns(0, -1).cast<float>() * (1 / 16.0f);
  return {pixels.reshape({-1, 1, 8, 8}), table.columns(-1).cast<std::int64_t>().reshape({-1})};
}

double accuracy_of(const digit_net& net, const digits& samples) {
  metrics::accuracy accuracy;
  accuracy.update(net(samples.x()), samples.y());
  return accuracy.value();
}

// Up in a line, then down along half a cosine to a hundredth. optim/schedules.hpp has this one and others ready-made.
double rate_at(std::int64_t step, std::int64_t steps) {
  constexpr double highest = 4e-3;
  const std::int64_t warm_up = steps / 10;
  if (step < warm_up) return highest * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  const double part = static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up);
  return highest * (0.01 + 0.99 * (1 + std::cos(std::numbers::pi * part)) / 2);
}

}  // namespace

int main(int argc, char** argv) try {
  constexpr int epochs = 16, accumulated = 4;
  constexpr double longest = 2;  // of all gradients together
  const auto [training, test] = data::random_split(read(argc > 1 ? argv[1] : "data/digits.csv"), 1347, 1);

  digit_net net;
  init::weights(net, {.seed = 1});
  optim::adamw optimizer{net,
                         {.weight_decay = 0.05,
                          .groups = {{.match = "*bias", .weight_decay = 0}, {.match = "norm.*", .weight_decay = 0}}}};
  optim::ema average{net, {.decay = 0.98, .warm_up = true}};
  autograd::tape tape{{.seed = 1}};
  // Batches of one size, as each has the same share of a step.
  data::loader loader{training, {.batch_size = 16, .shuffle = true, .seed = 1, .drop_last = true}};

  const std::int64_t steps = epochs * loader.batches() / accumulated;
  std::int64_t batches = 0, clipped = 0;
  double last = 0, averaged = 0;
  std::puts("             rate     loss     test accuracy: last weights, averaged weights");
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double total = 0;
    for (auto& batch : loader) {
      const auto loss = loss::cross_entropy(net(tape.input(batch.x)), batch.y);
      (loss * (1.0f / accumulated)).backward();  // adds to the gradients that are there
      total += static_cast<double>(loss.item());
      if (++batches % accumulated != 0) continue;

      clipped += optim::clip_grad_norm(net, longest) > longest;
      optimizer.set_learning_rate(rate_at(optimizer.steps(), steps));
      optimizer.step();
      optimizer.zero_grad();
      average.update();
    }
    if (epoch % 4 != 0) continue;
    last = accuracy_of(net, test);
    averaged = accuracy_of(average.model(), test);
    std::printf("epoch %2d:  %.5f  %.5f  %.4f  %.4f\n", epoch, optimizer.learning_rate(),
                total / static_cast<double>(loader.batches()), last, averaged);
  }
  std::printf("\n%d steps of %d batches each, the gradients clipped in %d of them\n",
              static_cast<int>(optimizer.steps()), accumulated, static_cast<int>(clipped));
  return optimizer.steps() == steps && last >= 0.97 && averaged >= 0.97 ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "custom_loop: %s\n", problem.what());
  return 1;
}
