// Trains a convolutional net (157,330 weights, or more with --width) on Fashion-MNIST as one does it in earnest:
// augmentation, a schedule, a part of the training images kept back to stop early and to choose the best epoch,
// checkpoints from which a killed run goes on, a history with its curves. The 10,000 test images are looked at once, at
// the end.
//   fashion_mnist [--data DIR] [--epochs N] [--width CHANNELS] [--augment] [--out DIR]
// DIR holds the four IDX files, packed or not; the default is where Debian's package dataset-fashion-mnist puts them.
// MNIST itself has the same format and file names. The second DIR gets the files of the run; run the same line again
// after an interruption.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/metrics.hpp>
#include <inlay/train.hpp>
#include <inlay/zlib.hpp>

namespace {

using namespace inlay;

// 3 x 3 convolution, batch normalisation, ReLU.
struct block {
  block(std::int64_t in, std::int64_t out)
      : conv({.in = in, .out = out, .kernel = 3, .padding = padding::same, .bias = false}), norm({.features = out}) {}

  auto operator()(const auto& x) const { return relu(norm(conv(x))); }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
  }

  nn::conv2d<float> conv;
  nn::batch_norm<float> norm;
};

struct fashion_net {
  explicit fashion_net(std::int64_t width)
      : wide(1, width),
        middle{{width, 2 * width}, {2 * width, 2 * width}},
        narrow{{2 * width, 4 * width}, {4 * width, 4 * width}},
        scores({.in = 4 * width, .out = 10}) {}

  auto operator()(const auto& x) const {
    const auto fine = pool(middle[1](middle[0](pool(wide(x)))));
    return scores(drop(global_avg_pool(narrow[1](narrow[0](fine)))));
  }
  static void members(auto& self, auto&& visit) {
    visit("wide", self.wide);
    visit("middle", self.middle);
    visit("narrow", self.narrow);
    visit("scores", self.scores);
  }

  block wide;                         // 28 x 28
  std::vector<block> middle, narrow;  // 14 x 14, 7 x 7
  nn::max_pool2d pool{{.kernel = 2}};
  nn::dropout drop{{.p = 0.3}};
  nn::dense<float> scores;
};

using images = data::tensor_dataset<float, std::int64_t>;

// Pixels from 0 to 1, less their mean over the training images of Fashion-MNIST and divided by the deviation.
images read(const std::filesystem::path& folder, const std::string& part) {
  const auto file = [&](const char* what) {
    const auto path = folder / (part + what);
    return std::filesystem::exists(path) ? path.string() : path.string() + ".gz";
  };
  const auto pixels = data::read_idx_gz<float>(file("-images-idx3-ubyte"));
  return {((pixels * (1 / 255.0f) - 0.286f) / 0.353f).reshape({-1, 1, 28, 28}),
          data::read_idx_gz<std::int64_t>(file("-labels-idx1-ubyte"))};
}

constexpr auto smoothed_loss = [](const auto& scores, const auto& y) {
  return loss::cross_entropy(scores, y, {.label_smoothing = 0.05});
};

template <class Dataset>
void train_on(const Dataset& training, const images& held, fashion_net& net, std::int64_t epochs,
              const std::filesystem::path& out) {
  data::loader loader{training, {.batch_size = 128, .shuffle = true, .seed = 1, .drop_last = true, .workers = 1}};
  optim::adamw optimizer{net, {.learning_rate = 3e-3, .weight_decay = 0.02}};
  const std::int64_t warm_up = std::min<std::int64_t>(400, epochs * loader.batches() / 4);
  optim::cosine_annealing_lr schedule{optimizer,
                                      {.steps = epochs * loader.batches() - warm_up, .warm_up = {.steps = warm_up}}};

  train::sentinel guard{net};
  train::after_step decay{[&](train::state&) { schedule.step(); }, schedule};
  train::validation check{net, data::loader{held, {.batch_size = 500}}, smoothed_loss,
                          train::named{"accuracy", metrics::accuracy{}}};
  train::early_stopping stop{{.monitor = "val_accuracy", .maximize = true, .patience = 8}};
  train::keep_best best{{.monitor = "val_accuracy", .maximize = true, .path = out / "best.safetensors"}};
  train::history log{{.paths = {out / "history.csv", out / "history.svg"}}};
  train::progress_bar bar{train::sink::to(STDOUT_FILENO)};

  train::fit(net, optimizer, smoothed_loss, loader,
             {.epochs = epochs,
              .seed = 1,
              .checkpoint = {.path = out / "checkpoint.safetensors", .every_steps = 200},
              .callbacks = {&guard, &decay, &check, &stop, &best, &log, &bar}});
  std::printf("best of the images kept back: %.4f, epoch %d\n", best.value(), static_cast<int>(best.epoch()));
}

}  // namespace

int main(int argc, char** argv) try {
  std::filesystem::path folder = "/usr/share/datasets/fashion-mnist", out = "fashion_mnist.run";
  int epochs = 8, width = 24;
  bool augment = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--augment") {
      augment = true;
      continue;
    }
    if (argument == "--data")
      folder = value;
    else if (argument == "--out")
      out = value;
    else if (argument == "--epochs")
      epochs = std::atoi(value);
    else if (argument == "--width")
      width = std::atoi(value);
    else
      return std::fputs("usage: fashion_mnist [--data DIR] [--epochs N] [--width CHANNELS] [--augment] [--out DIR]\n",
                        stderr),
             2;
    ++i;
  }
  std::filesystem::create_directories(out);

  const auto [training, held] = data::random_split(read(folder, "train"), 55000, 1);
  fashion_net net(width);
  init::weights(net, {.seed = 1});
  std::printf("%d weights\n", static_cast<int>(parameter_count(net)));
  if (augment)
    train_on(data::augmented{training, 1, data::horizontal_flip{}, data::random_crop{.padding = 1, .fill = -0.81}},
             held, net, epochs, out);
  else
    train_on(training, held, net, epochs, out);

  const auto measures = train::evaluate(net, data::loader{read(folder, "t10k"), {.batch_size = 500}}, smoothed_loss,
                                        train::named{"accuracy", metrics::accuracy{}});
  std::printf("test accuracy %.4f\n", measures[1].value);
  return measures[1].value > 0.85 ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "fashion_mnist: %s\n", problem.what());
  return 1;
}
