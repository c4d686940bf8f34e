// A language model of characters: learns to write as a text does, then writes. Half a minute with the defaults; in
// docs/language_models.md are settings that take longer and write better.
//   char_lm [--text FILE] [--arch gpt|lstm] [--llama 1] [--context N] [--width N] [--layers N] [--heads N] [--dropout
//   P]
//           [--steps N] [--batch N] [--rate R] [--decay D] [--seed N] [--save FILE]
//           [--prompt TEXT] [--tokens N] [--temperature T]
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include char_lm.cpp -o char_lm && ./char_lm --text ../README.md
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/models.hpp>
#include <inlay/text.hpp>

#include "options.hpp"

namespace {

using namespace inlay;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw io_error("char_lm", {"expected a readable text, got ", path});
  return {std::istreambuf_iterator<char>(file), {}};
}

// In nats per character, over all of a text, in windows that follow each other.
double loss_of(const auto& model, const text::token_array<std::int64_t>& tokens, std::int64_t context) {
  double sum = 0;
  std::int64_t count = 0;
  data::loader windows{text::corpus{tokens, {.context = context}}, {.batch_size = 64}};
  for (const auto& [x, y] : windows) {
    const std::int64_t rows = x.dim(0);
    sum += static_cast<double>(
               loss::cross_entropy(reshape(model(x), {rows * context, -1}), y.reshape({rows * context})).item()) *
           static_cast<double>(rows);
    count += rows;
  }
  return sum / static_cast<double>(count);
}

template <class Model>
int run(Model model, const options& given, const text::char_tokenizer& tokenizer,
        const text::token_array<std::int64_t>& tokens) {
  const std::int64_t context = given.count("--context"), steps = given.count("--steps"),
                     batch_size = given.count("--batch");
  const std::int64_t cut = tokens.size() * 9 / 10;
  const auto training = tokens.slice(0, cut), validation = tokens.slice(cut, tokens.size());
  if (validation.size() <= context)
    throw value_error("char_lm",
                      {"expected a text of ", 10 * context + 10, " characters or more, got ", tokens.size()});
  const std::uint64_t seed = given.seed();
  init::weights(model, {.seed = seed});
  std::int64_t weights = 0;
  std::vector<optim::group> groups;  // biases and what scales a normalisation do not decay
  for (const member& m : members_of(model))
    if (m.is_parameter()) {
      weights += m.cell->shape().size();
      if (m.cell->shape().rank() == 1) groups.push_back({.match = m.path, .weight_decay = 0});
    }
  std::printf("%lld characters, %lld of them different; a model of %lld weights\n",
              static_cast<long long>(tokens.size()), static_cast<long long>(tokenizer.vocabulary()),
              static_cast<long long>(weights));

  const double rate = given.number("--rate", 0);
  optim::adamw optimizer{
      model, {.learning_rate = rate, .beta2 = 0.99, .weight_decay = given.number("--decay", 0), .groups = groups}};
  optim::cosine_annealing_lr schedule{
      optimizer, {.steps = steps, .minimum = rate / 10, .warm_up = {.steps = std::min<std::int64_t>(100, steps / 10)}}};
  autograd::tape tape{{.seed = seed}};
  data::loader batches{text::corpus{training, {.context = context, .samples = steps * batch_size, .seed = seed}},
                       {.batch_size = batch_size}};
  double sum = 0, best = 1e9;
  std::int64_t step = 0, since = 0;
  double seconds = 0;  // of training alone
  const std::int64_t report = std::max<std::int64_t>(1, steps / 10);
  for (const auto& [x, y] : batches) {
    if (++step > steps) break;
    const auto start = std::chrono::steady_clock::now();
    const auto loss = loss::cross_entropy(reshape(model(tape.input(x)), {batch_size * context, -1}),
                                          y.reshape({batch_size * context}));
    loss.backward();
    optim::clip_grad_norm(model, 1.0);
    optimizer.step();
    optimizer.zero_grad();
    schedule.step();
    sum += static_cast<double>(loss.item());
    ++since;
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (step % report != 0 && step != steps) continue;
    const double now = loss_of(model, validation, context);
    best = std::min(best, now);
    std::printf("step %6lld  training loss %.3f  validation loss %.3f  %.0f characters/s\n",
                static_cast<long long>(step), sum / static_cast<double>(since), now,
                static_cast<double>(step * batch_size * context) / seconds);
    std::fflush(stdout);
    sum = 0, since = 0;
  }
  std::printf("best validation loss %.3f\n\n", best);
  if (!given.text("--save").empty()) io::save(model, given.text("--save"));

  const std::string& prompt = given.text("--prompt");
  std::printf("%s", prompt.c_str());
  text::generate(model, tokenizer.encode(prompt),
                 {.tokens = std::min(given.count("--tokens", 0), given.text("--arch") == "gpt" ? context - 1 : 1 << 20),
                  .temperature = given.number("--temperature", 0),
                  .seed = seed,
                  .on_token = [&](std::int64_t, std::int64_t token) {
                    std::printf("%s", tokenizer.decode(std::span(&token, 1)).c_str());
                    return true;
                  }});
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  const options given("char_lm",
                      {{"--text", "../README.md"},
                       {"--arch", "gpt"},
                       {"--steps", "300"},
                       {"--batch", "12"},
                       {"--context", "64"},
                       {"--width", "128"},
                       {"--layers", "4"},
                       {"--heads", "4"},
                       {"--dropout", "0"},
                       {"--rate", "0.001"},
                       {"--seed", "1"},
                       {"--save", ""},
                       {"--prompt", "\n"},
                       {"--tokens", "300"},
                       {"--temperature", "0.8"},
                       {"--llama", "0"},
                       {"--decay", "0.1"}},
                      argc, argv);
  const std::string all = read(given.text("--text"));
  const text::char_tokenizer tokenizer(all);
  const text::token_array<std::int64_t> tokens(tokenizer.encode(all));
  if (given.word("--arch", {"gpt", "lstm"}) == "lstm")
    return run(models::lstm_lm<float>{{.vocabulary = tokenizer.vocabulary(),
                                       .hidden = given.count("--width"),
                                       .layers = given.count("--layers"),
                                       .dropout = given.number("--dropout", 0, 1)}},
               given, tokenizer, tokens);
  models::gpt_config config{.vocabulary = tokenizer.vocabulary(),
                            .context = given.count("--context"),
                            .layers = given.count("--layers"),
                            .heads = given.count("--heads"),
                            .in = given.count("--width"),
                            .dropout = given.number("--dropout", 0, 1)};
  if (given.count("--llama", 0) != 0) config = models::gpt_config::llama(config);
  return run(models::gpt<float>{config}, given, tokenizer, tokens);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
