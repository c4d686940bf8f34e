// Trains a convolutional net on handwritten digits, five times from different seeds; saves the last one, reloads
// it, and shows that it predicts the same.
//   digits [FILE.csv]     default: data/digits.csv
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>

namespace {

using namespace inlay;

struct digit_net {
  nn::conv2d<float> first{{.in = 1, .out = 24, .kernel = 3, .padding = 1, .activation = activation::relu}};
  nn::conv2d<float> second{{.in = 24, .out = 48, .kernel = 3, .padding = 1, .activation = activation::relu}};
  nn::max_pool2d pool{{.kernel = 2}};
  nn::dropout drop{{.p = 0.3}};
  nn::dense<float> hidden{{.in = 48 * 4 * 4, .out = 64, .activation = activation::relu}};
  nn::dense<float> scores{{.in = 64, .out = 10}};

  auto operator()(const auto& x) const { return scores(drop(hidden(drop(flatten(pool(second(first(x)))))))); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
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

// Trains on the training part and returns the accuracy on the other.
double train(digit_net& net, const digits& training, const digits& test, std::uint64_t seed) {
  constexpr int epochs = 20;
  init::weights(net, {.seed = seed});
  optim::adam optimizer{net, {.learning_rate = 2e-3}};
  autograd::tape tape{{.seed = seed}};
  data::loader loader{training, {.batch_size = 32, .shuffle = true, .seed = seed}};

  for (int epoch = 1; epoch <= epochs; ++epoch) {
    optimizer.set_learning_rate(2e-3 * (1 - 0.95 * epoch / epochs));
    float total = 0;
    for (auto& batch : loader) {
      const auto loss = loss::cross_entropy(net(tape.input(batch.x)), batch.y);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
      total += loss.item();
    }
    if (epoch % 5 == 0)
      std::printf("seed %d, epoch %2d: loss %.4f, test accuracy %.4f\n", static_cast<int>(seed), epoch,
                  static_cast<double>(total / static_cast<float>(loader.batches())), accuracy_of(net, test));
  }
  return accuracy_of(net, test);
}

}  // namespace

int main(int argc, char** argv) try {
  const auto start = std::chrono::steady_clock::now();
  const digits all = read(argc > 1 ? argv[1] : "data/digits.csv");

  digit_net net;
  double mean = 0;
  constexpr int seeds = 5;
  digits test = all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto [training, rest] = data::random_split(all, 1347, seed);
    test = rest;
    mean += train(net, training, test, seed) / seeds;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("\nmean test accuracy over %d seeds: %.2f %%, in %.1f s\n\n", seeds, 100 * mean, seconds.count());

  metrics::confusion_matrix confusion(10);
  confusion.update(net(test.x()), test.y());
  std::printf("confusion of the last one, ");
  std::fputs(confusion.text().c_str(), stdout);

  const std::string path = (std::filesystem::temp_directory_path() / "digits.safetensors").string();
  io::save(net, path);
  digit_net reloaded;
  io::load(reloaded, path);
  std::filesystem::remove(path);
  const tensor<float> before = net(test.x()), after = reloaded(test.x());
  const bool same = std::equal(before.values().begin(), before.values().end(), after.values().begin());
  std::printf("\nsaved, reloaded: predictions are %s\n", same ? "identical" : "DIFFERENT");
  return same && mean >= 0.97 ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "digits: %s\n", problem.what());
  return 1;
}
