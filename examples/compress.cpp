// Makes a trained net smaller, step by step: takes the weakest channels out, trains on, and gives the weights 8 bits.
// After each step: accuracy, size of the file, time of a prediction. The last file is loaded into a fresh net.
//   compress [FILE.csv]     default: data/digits.csv
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <inlay/compress.hpp>
#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>

namespace {

using namespace inlay;

struct digit_net {
  nn::conv2d<float> first{{.in = 1, .out = 24, .kernel = 3, .padding = 1}};
  nn::batch_norm<float> norm{{.features = 24}};
  nn::conv2d<float> second{{.in = 24, .out = 48, .kernel = 3, .padding = 1, .activation = activation::relu}};
  nn::max_pool2d pool{{.kernel = 2}};
  nn::dense<float> hidden{{.in = 48 * 4 * 4, .out = 64, .activation = activation::relu}};
  nn::dense<float> scores{{.in = 64, .out = 10}};

  auto operator()(const auto& x) const { return scores(hidden(flatten(pool(second(relu(norm(first(x)))))))); }
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

void train(digit_net& net, optim::adam& optimizer, const digits& training, int epochs) {
  autograd::tape tape{{.seed = 1}};
  data::loader loader{training, {.batch_size = 32, .shuffle = true, .seed = 1}};
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (auto& batch : loader) {
      loss::cross_entropy(net(tape.input(batch.x)), batch.y).backward();
      optimizer.step();
      optimizer.zero_grad();
    }
}

double accuracy_of(const digit_net& net, const digits& test) {
  metrics::accuracy accuracy;
  accuracy.update(net(test.x()), test.y());
  return accuracy.value();
}

// One line of the table; returns the accuracy.
double tell(const char* what, const digit_net& net, const digits& test, const std::string& path) {
  io::save(net, path);
  const double accuracy = accuracy_of(net, test);
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    const auto start = std::chrono::steady_clock::now();
    net(test.x());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("%-28s %6.2f %% %10ld bytes %8.1f us per image\n", what, 100 * accuracy,
              static_cast<long>(std::filesystem::file_size(path)), 1e6 * best / static_cast<double>(test.x().dim(0)));
  return accuracy;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string path = (std::filesystem::temp_directory_path() / "compressed.safetensors").string();
  const auto [training, test] = data::random_split(read(argc > 1 ? argv[1] : "data/digits.csv"), 1347, 1);
  const tensor<float> example = training.x().slice(0, 256);

  digit_net net;
  init::weights(net, {.seed = 1});
  optim::adam optimizer{net, {.learning_rate = 1e-3}};
  train(net, optimizer, training, 12);
  const double before = tell("trained", net, test, path);

  compress::remove_channels(net, example, "first", compress::smallest_channels(net.first.weight.value(), 8));
  compress::remove_channels(net, example, "second", compress::smallest_channels(net.second.weight.value(), 24));
  compress::remove_channels(net, example, "hidden", compress::smallest_channels(net.hidden.weight.value(), 24));
  tell("without the weakest channels", net, test, path);

  train(net, optimizer, training, 6);  // the optimiser's state went with the channels
  tell("trained on", net, test, path);

  const compress::quantize_report report = compress::quantize(net, example);
  const double after = tell("weights of 8 bits", net, test, path);
  std::printf("\n%s", report.text().c_str());

  digit_net reloaded;
  io::load(reloaded, path, {.reshape = true});
  std::filesystem::remove(path);
  const tensor<float> a = net(test.x()), b = reloaded(test.x());
  const bool same = std::equal(a.values().begin(), a.values().end(), b.values().begin());
  std::printf("\nsaved, reloaded: predictions are %s\n", same ? "identical" : "DIFFERENT");
  return same && after > before - 0.02 ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "compress: %s\n", problem.what());
  return 1;
}
