// A training run with random numbers in every place: order, augmentation, dropout, and state in every other: optimiser,
// schedule, averaged weights, running statistics. It goes on from its checkpoint, and writes all weights at the end.
//   train DIGITS.csv CHECKPOINT RESULT STEPS_BETWEEN_CHECKPOINTS
#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/train.hpp>

#include <cstdio>
#include <cstdlib>

using namespace inlay;

namespace {

struct net {
  nn::conv2d<float> conv{{.in = 1, .out = 8, .kernel = 3, .padding = padding::same}};
  nn::batch_norm<float> norm{{.features = 8}};
  nn::dropout drop{{.p = 0.2}};
  nn::dense<float> scores{{.in = 8 * 4 * 4, .out = 10}};

  auto operator()(const auto& x) const { return scores(drop(flatten(max_pool2d(relu(norm(conv(x))), {.kernel = 2})))); }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
    visit("scores", self.scores);
  }
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  const data::table table = data::read_csv(argv[1]);
  const auto pixels = table.columns(0, -1).cast<float>().reshape({-1, 1, 8, 8}) * (1 / 16.0f);
  const auto classes = table.columns(-1).cast<std::int64_t>().reshape({-1});
  data::loader loader{data::augmented{data::tensor_dataset{pixels, classes}, 5, data::random_crop{.padding = 1}},
                      {.batch_size = 32, .shuffle = true, .seed = 1, .workers = 2}};

  net model;
  init::weights(model, {.seed = 2});
  optim::adam optimizer{model, {.learning_rate = 1e-3}};
  optim::cosine_annealing_lr schedule{optimizer, {.steps = 280, .warm_up = {.steps = 20}}};
  optim::ema average{model, {.decay = 0.99}};
  train::after_step decay{[&](train::state&) { schedule.step(); }, schedule};
  train::after_step mean{[&](train::state&) { average.update(); }, average};
  train::validation check{average.model(), data::loader{data::tensor_dataset{pixels, classes}, {.batch_size = 256}},
                          [](const auto& scores, const auto& y) { return loss::cross_entropy(scores, y); }};
  train::keep_best best{average.model(), {}};
  train::history log;
  train::fit(model, optimizer, [](const auto& scores, const auto& y) { return loss::cross_entropy(scores, y); }, loader,
             {.epochs = 5,
              .seed = 3,
              .checkpoint = {.path = argv[2], .every_steps = std::atoi(argv[4])},
              .callbacks = {&decay, &mean, &check, &best, &log}});

  io::bundle all{{"model", model}, {"optimizer", optimizer}, {"schedule", schedule}, {"average", average}};
  buffer<double> curves(log.table().values);
  all.add({"history", curves});
  io::save(all, argv[3]);
} catch (const error& problem) {
  std::fprintf(stderr, "%s\n", problem.what());
  return 1;
}
