// Trains a convolutional net on Fashion-MNIST and reports the accuracy on the 10,000 test images.
//   fashion_mnist [--data DIR] [--epochs N]
// DIR holds the four IDX files, packed or not; the default is where Debian's package dataset-fashion-mnist puts them.
// MNIST itself has the same format and file names.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/metrics.hpp>
#include <inlay/zlib.hpp>

namespace {

using namespace inlay;

struct fashion_net {
  nn::conv2d<float> first{{.in = 1, .out = 16, .kernel = 3, .padding = padding::same}};
  nn::batch_norm<float> norm{{.features = 16}};
  nn::conv2d<float> second{{.in = 16, .out = 32, .kernel = 3, .padding = padding::same}};
  nn::batch_norm<float> second_norm{{.features = 32}};
  nn::max_pool2d pool{{.kernel = 2}};
  nn::dense<float> hidden{{.in = 32 * 7 * 7, .out = 128, .activation = activation::relu}};
  nn::dropout drop{{.p = 0.3}};
  nn::dense<float> scores{{.in = 128, .out = 10}};

  auto operator()(const auto& x) const {
    const auto edges = pool(relu(norm(first(x))));
    return scores(drop(hidden(flatten(pool(relu(second_norm(second(edges))))))));
  }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("norm", self.norm);
    visit("second", self.second);
    visit("second_norm", self.second_norm);
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

using images = data::tensor_dataset<float, std::int64_t>;

images read(const std::filesystem::path& folder, const std::string& part) {
  const auto file = [&](const char* what) {
    const auto path = folder / (part + what);
    return std::filesystem::exists(path) ? path.string() : path.string() + ".gz";
  };
  const auto pixels = data::read_idx_gz<float>(file("-images-idx3-ubyte"));
  return {(pixels * (1 / 255.0f)).reshape({-1, 1, 28, 28}),
          data::read_idx_gz<std::int64_t>(file("-labels-idx1-ubyte"))};
}

double accuracy_of(const fashion_net& net, const images& samples) {
  metrics::accuracy accuracy;
  for (auto& batch : data::loader{samples, {.batch_size = 500}}) accuracy.update(net(batch.x), batch.y);
  return accuracy.value();
}

}  // namespace

int main(int argc, char** argv) try {
  std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  int epochs = 4;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--data") folder = argv[i + 1];
    if (std::string_view(argv[i]) == "--epochs") epochs = std::atoi(argv[i + 1]);
  }
  const images training = read(folder, "train"), test = read(folder, "t10k");

  fashion_net net;
  init::weights(net, {.seed = 1});
  optim::adam optimizer{net, {.learning_rate = 2e-3}};
  autograd::tape tape{{.seed = 1}};
  data::loader loader{training, {.batch_size = 100, .shuffle = true, .seed = 1, .workers = 1}};
  double accuracy = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    optimizer.set_learning_rate(2e-3 * (1 - 0.9 * (epoch - 1) / epochs));
    double total = 0;
    for (auto& batch : loader) {
      const auto loss = loss::cross_entropy(net(tape.input(batch.x)), batch.y);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
      total += static_cast<double>(loss.item());
    }
    accuracy = accuracy_of(net, test);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("epoch %d: loss %.4f, test accuracy %.4f, %.1f s\n", epoch,
                total / static_cast<double>(loader.batches()), accuracy, seconds.count());
  }
  return accuracy > 0.85 ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "fashion_mnist: %s\n", problem.what());
  return 1;
}
