// Language models: an LSTM and a GPT of characters, trained on batches, and the GPT used on batches and one token at a
// time, beside libtorch and ONNX Runtime. All start from the same weights.
#include "language.hpp"

#include <inlay/graph.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/models.hpp>
#include <inlay/text.hpp>

#include "ours.hpp"
#include "peers/language.hpp"

namespace {

using inlay::tensor;

constexpr std::int64_t vocabulary = 65, heads = 4, context = 128, features = 128, layers = 4;

using gpt = inlay::models::gpt<float>;
using lstm_lm = inlay::models::lstm_lm<float>;

// The same weights whenever and wherever they are made: ONNX Runtime reads them from a file. Those of the blocks are
// large, or each token would be followed by itself.
gpt seeded_gpt() {
  gpt net{{.vocabulary = vocabulary, .context = context, .layers = layers, .heads = heads, .in = features}};
  const auto draw = inlay::init::normal(0, 0.1);
  inlay::init::weights(
      net, {.seed = 7, .rules = {{"blocks.*.attention.*weight", draw}, {"blocks.*.feed_forward.*weight", draw}}});
  return net;
}
lstm_lm seeded_lstm() {
  lstm_lm net{{.vocabulary = vocabulary, .hidden = 256}};
  inlay::init::weights(net, {.seed = 7});
  return net;
}

bench::tokens batch_of(std::int64_t rows, std::int64_t steps, std::uint64_t seed) {
  inlay::random::generator g(seed);
  bench::tokens out{rows, steps, {}, {}};
  for (std::vector<std::int64_t>* to : {&out.here, &out.next})
    for (std::int64_t i = 0; i < rows * steps; ++i)
      to->push_back(static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(vocabulary))));
  return out;
}

tensor<std::int64_t> tensor_of(const std::vector<std::int64_t>& values, const inlay::shape& sizes) {
  tensor<std::int64_t> out = tensor<std::int64_t>::empty(sizes);
  out.write([&](std::span<std::int64_t> to) { std::copy(values.begin(), values.end(), to.begin()); });
  return out;
}

template <class Model, class Optimizer> class inlay_model final : public bench::language_model {
 public:
  explicit inlay_model(Model net) : net_(std::move(net)) {}

  void train(const bench::tokens& t) override {
    const std::int64_t all = t.rows * t.steps;
    if (!optimizer_) optimizer_.emplace(net_);
    const auto scores = net_(tape_.input(tensor_of(t.here, {t.rows, t.steps})));
    const auto loss = inlay::loss::cross_entropy(reshape(scores, {all, vocabulary}), tensor_of(t.next, {all}));
    loss.backward();
    optimizer_->step();
    optimizer_->zero_grad();
    loss_ = loss.item();
  }
  float loss() override { return loss_; }

  void infer(const bench::tokens& t) override {
    scores_ = {};
    scores_ = net_(tensor_of(t.here, {t.rows, t.steps}));
  }
  std::vector<float> scores() override { return bench::sampled(std::as_const(scores_)); }

  std::vector<std::int64_t> generate(std::int64_t first, std::int64_t count) override {
    return inlay::text::generate(net_, std::vector<std::int64_t>{first}, {.tokens = count, .temperature = 0}).tokens;
  }

 private:
  Model net_;
  std::optional<Optimizer> optimizer_;
  inlay::autograd::tape tape_;
  tensor<float> scores_;
  float loss_ = 0;
};

using maker = std::function<std::unique_ptr<bench::language_model>()>;

struct library {
  std::string name;
  maker make;
};

// All libraries that have such a model, ours first.
template <class Optimizer, class Model> std::vector<library> libraries([[maybe_unused]] const char* kind, Model seeded()) {
  const auto net = std::make_shared<const Model>(seeded());
  std::vector<library> out{{"inlay", [net]() -> std::unique_ptr<bench::language_model> {
                              return std::make_unique<inlay_model<Model, Optimizer>>(*net);
                            }}};
#ifdef BENCH_TORCH
  bench::model weights{kind, {}, vocabulary};
  for (const auto& m : inlay::members_of(*net))
    if (m.cell) weights.weights.emplace(m.path, bench::view_of(inlay::detail::value_of(*m.cell).template as<float>()));
  out.push_back({"libtorch", [net, weights] { return bench::make_torch_language_model(weights, heads); }});
#endif
  return out;
}

bench::role role_of(const library& l) { return l.name == "inlay" ? bench::role::ours : bench::role::peer; }

// Starts afresh in every turn.
bench::row train(const std::vector<library>& all, std::int64_t rows, std::int64_t steps, double flop, double target) {
  struct state {
    std::unique_ptr<bench::language_model> net;
    std::size_t next = 0;
  };
  const auto batches = std::make_shared<std::vector<bench::tokens>>();
  for (std::uint64_t seed = 0; seed < 4; ++seed) batches->push_back(batch_of(rows, steps, seed));
  bench::row out{.contestants = {}, .target = target, .work = static_cast<double>(rows * steps), .rate = "tokens/s"};
  for (const library& l : all) {
    const auto now = std::make_shared<state>();
    out.contestants.push_back({.name = l.name,
                               .call = [=] { now->net->train((*batches)[now->next++ % batches->size()]); },
                               .result =
                                   [=] {  // what the first step did to the weights, too
                                     const float first = now->net->loss();
                                     now->net->train(batches->front());
                                     return bench::results{{first}, {now->net->loss()}};
                                   },
                               .restart =
                                   [now, make = l.make] {
                                     *now = {make(), 0};
                                   },
                               .role = role_of(l)});
  }
  out.contestants.push_back(bench::fma_limit(3 * flop * static_cast<double>(rows * steps)));
  return out;
}

// Multiply-adds, twice, of a token among those it sees.
constexpr double flop_of_gpt(double seen) {
  return 2.0 * static_cast<double>(layers * 12 * features * features + vocabulary * features) +
         4.0 * static_cast<double>(layers * features) * seen;
}
constexpr double flop_of_lstm = 2.0 * (4 * 256 * 512 + 256 * vocabulary);

bench::row infer(const std::vector<library>& all, const bench::onnx_folder& onnx, std::int64_t rows, double target) {
  const auto batch = std::make_shared<const bench::tokens>(batch_of(rows, context, 0));
  const double work = static_cast<double>(rows * context);
  bench::row out{.contestants = {}, .target = target, .work = work, .rate = "tokens/s"};
  for (const library& l : all) {
    const std::shared_ptr<bench::language_model> net = l.make();
    out.contestants.push_back({.name = l.name,
                               .call = [=] { net->infer(*batch); },
                               .result = [=] { return bench::results{net->scores()}; },
                               .role = role_of(l)});
  }
  onnx.add(out.contestants, "gpt", batch->here.data(), {rows, context}, {rows, context, vocabulary}, target);
  out.contestants.push_back(bench::fma_limit(flop_of_gpt(context / 2) * work));
  return out;
}

// A token each time, from the caches of those before.
bench::row generate(const std::vector<library>& all, double target) {
  bench::row out{.contestants = {}, .target = target, .units = context, .work = 1, .rate = "tokens/s"};
  for (const library& l : all) {
    const std::shared_ptr<bench::language_model> net = l.make();
    const auto tokens = std::make_shared<std::vector<std::int64_t>>();
    out.contestants.push_back(
        {.name = l.name,
         .call = [=] { *tokens = net->generate(1, context); },
         .result = [=] { return bench::results{std::vector<float>(tokens->begin(), tokens->end())}; },
         .role = role_of(l)});
  }
  out.contestants.push_back(bench::fma_limit(flop_of_gpt(context / 2) * context));
  return out;
}

}  // namespace

void bench::language_rows(race& race, const onnx_folder& onnx) {
  const auto of_lstm = [] { return libraries<inlay::optim::adam>("lstm_lm", seeded_lstm); };
  const auto of_gpt = [] { return libraries<inlay::optim::adamw>("gpt", seeded_gpt); };
  race.row("char LSTM V65 256 T64 N32, train", [&] { return train(of_lstm(), 32, 64, flop_of_lstm, 1 / 1.8); });
  const std::string name = "GPT 4 layers d128 h4 T128 V65, ";
  race.row(name + "train N16", [&] { return train(of_gpt(), 16, context, flop_of_gpt(context / 2), 1 / 1.4); });
  race.row(name + "infer N16", [&] { return infer(of_gpt(), onnx, 16, 1 / 1.4); });
  race.row(name + "infer N1", [&] { return infer(of_gpt(), onnx, 1, 0.6); });
  race.row(name + "a token of 128", [&] { return generate(of_gpt(), 1 / 3.3); });
}

void bench::write_language_weights(const std::string& folder) {
  const gpt net = seeded_gpt();
  inlay::io::named_tensors all;
  for (const auto& m : inlay::members_of(net))
    if (m.cell) all.emplace(m.path, inlay::detail::value_of(*m.cell));
  inlay::io::save_npz(all, folder + "/gpt.npz");
}
