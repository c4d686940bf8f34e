// Lines of text and their classes, from a file to a classifier in use. A line is a row of bytes; a recurrent net reads
// it in both directions, and the mean of what it says at each byte is scored (or, with --arch bag, the mean of the
// bytes' own features, which knows no order). Prints a report on lines that nothing was learnt from and saves the
// model, which one call with --predict asks. The data that is there: lines in six languages.
//   classify_text [--data FILE] [--test FILE] [--arch lstm|gru|bag] [--features N] [--hidden N] [--dropout P]
//                 [--epochs N] [--batch N] [--rate R] [--seed N] [--model FILE]
//   classify_text --predict TEXT [--model FILE]
// Files are tables with a line of names, of which `label` and `text` are read; a comma parts the columns of .csv, a tab
// those of others. With --test "" a fifth of the data is kept back.
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include classify_text.cpp -o classify_text && ./classify_text
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <numeric>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>
#include <inlay/sequence.hpp>
#include <inlay/text.hpp>
#include <inlay/train.hpp>

#include "options.hpp"

namespace {

using namespace inlay;
using words = std::vector<std::string>;

// Texts in one tensor: tokens (N, T) with zeros behind the end, and where that is (N,).
data::padded_sequences<std::int64_t> padded(std::span<const std::string> texts) {
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::string& text : texts) {
    rows.push_back(text::byte_tokenizer().encode(text));
    for (std::int64_t& token : rows.back()) ++token;
  }
  return data::pad_sequences(rows, {.padding = data::side::post});
}
constexpr std::int64_t vocabulary = 257;  // bytes and the padding

struct batch {
  tensor<std::int64_t> x, lengths, y;
};

// Batches are as wide as their longest text.
struct labelled_texts {
  words texts;
  tensor<std::int64_t> classes;

  std::int64_t size() const { return std::ssize(texts); }
  struct batch batch(std::span<const std::int64_t> rows) const {
    words taken;
    for (const std::int64_t row : rows) taken.push_back(texts[static_cast<std::size_t>(row)]);
    auto [x, lengths, mask] = padded(taken);
    return {std::move(x), std::move(lengths), data::take_rows(classes, rows)};
  }
};

// What a model is built from; it stands in the model's file.
struct sizes {
  std::int64_t arch = 0, features = 0, hidden = 0, classes = 0;

  static void members(auto& self, auto&& visit) {
    visit("arch", self.arch);
    visit("features", self.features);
    visit("hidden", self.hidden);
    visit("classes", self.classes);
  }
};
const words archs{"bag", "lstm", "gru"};

struct classifier {
  sizes of;
  data::label_encoder labels;
  nn::dropout drop;
  std::optional<nn::embedding_bag<float>> bag;
  std::optional<nn::embedding<float>> bytes;
  std::optional<nn::lstm<float>> lstm;
  std::optional<nn::gru<float>> gru;
  nn::dense<float> scores;

  explicit classifier(const sizes& s, double dropout = 0)
      : of(s), drop{{.p = dropout}}, scores{{.in = s.arch == 0 ? s.features : 2 * s.hidden, .out = s.classes}} {
    if (s.arch == 0)
      bag.emplace(nn::embedding_bag_config{.vocabulary = vocabulary, .features = s.features, .padding_index = 0});
    else
      bytes.emplace(nn::embedding_config{.vocabulary = vocabulary, .features = s.features, .padding_index = 0});
    if (s.arch == 1)
      lstm.emplace(nn::lstm_config{
          .in = s.features, .hidden = s.hidden, .bidirectional = true, .batch_first = true, .forget_bias = 1});
    if (s.arch == 2)
      gru.emplace(nn::gru_config{.in = s.features, .hidden = s.hidden, .bidirectional = true, .batch_first = true});
  }
  explicit classifier(const std::string& path) : classifier(sizes_in(path)) { io::load(*this, path); }

  // tokens (N, T), lengths (N,) -> scores (N, classes)
  auto operator()(const auto& tokens, const tensor<std::int64_t>& lengths) const {
    if (bag) return scores((*bag)(tokens));
    const auto mean_of = [&](const auto& net) {
      const auto y = net(drop((*bytes)(tokens)), net.start(tokens.dim(0)), lengths).y;
      return sum(y, 1) / unsqueeze(lengths.cast<float>(), 1);  // zeros stand behind the end
    };
    return scores(drop(lstm ? mean_of(*lstm) : mean_of(*gru)));
  }
  tensor<float> operator()(std::span<const std::string> texts) const {
    const auto [tokens, lengths, mask] = padded(texts);
    return (*this)(tokens, lengths);
  }

  static void members(auto& self, auto&& visit) {
    visit("sizes", self.of);
    visit("labels", self.labels);
    visit("bag", self.bag);
    visit("bytes", self.bytes);
    visit("lstm", self.lstm);
    visit("gru", self.gru);
    visit("scores", self.scores);
  }

 private:
  static sizes sizes_in(const std::string& path) {
    sizes found;
    io::bundle part{{"sizes", found}};
    io::load(part, path, {.strict = false});
    if (found.classes < 1 || found.arch < 0 || found.arch > 2)
      throw io_error("classify_text", {"expected a model that this program saved in ", path});
    return found;
  }
};

struct lines {
  words labels, texts;
};

lines read(const std::string& path) {
  const data::text_table table =
      data::read_csv_text(path, {.delimiter = path.ends_with(".csv") ? ',' : '\t', .header = true});
  lines out{table.column("label"), table.column("text")};
  for (const std::string& text : out.texts)
    if (text.empty()) throw io_error("classify_text", {"expected a text in every line of ", path, ", got none in one"});
  return out;
}

// The rows of every fifth part, class by class, go from the first to what is returned.
lines kept_back(lines& from, std::uint64_t seed) {
  data::label_encoder classes;
  classes.fit(from.labels);
  const auto folds = data::stratified_k_fold(classes(from.labels), 5, {.shuffle = true, .seed = seed});
  const auto rows = [&](const std::vector<std::int64_t>& which) {
    lines out;
    for (const std::int64_t row : which) {
      out.labels.push_back(from.labels[static_cast<std::size_t>(row)]);
      out.texts.push_back(from.texts[static_cast<std::size_t>(row)]);
    }
    return out;
  };
  lines out = rows(folds[0].test);
  from = rows(folds[0].train);
  return out;
}

// The classes of a text, the likeliest first.
void predict(const classifier& model, const std::string& text) {
  const tensor<float> shares = softmax(model({&text, 1}), 1);
  const words labels = model.labels.classes();
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return shares.values()[a] > shares.values()[b]; });
  for (const std::size_t i : order)
    std::printf("%5.1f %%  %s\n", 100 * static_cast<double>(shares.values()[i]), labels[i].c_str());
}

bool learn(const options& given) {
  lines training = read(given.text("--data"));
  lines test = given.text("--test").empty() ? kept_back(training, given.seed()) : read(given.text("--test"));
  lines validation = kept_back(training, given.seed() + 1);

  data::label_encoder labels;
  labels.fit(training.labels);
  classifier model({std::find(archs.begin(), archs.end(), given.word("--arch", archs)) - archs.begin(),
                    given.count("--features"), given.count("--hidden"), std::ssize(labels.classes())},
                   given.number("--dropout", 0, 1));
  model.labels = labels;
  init::weights(model, {.seed = given.seed()});
  std::printf("%zu lines to learn from, %zu to stop by, %zu to test; %lld classes, %lld weights\n",
              training.texts.size(), validation.texts.size(), test.texts.size(),
              static_cast<long long>(model.of.classes), static_cast<long long>(parameter_count(model)));
  std::fflush(stdout);

  const auto batches = [&](const lines& of, bool shuffle) {
    return data::loader{labelled_texts{of.texts, labels(of.labels)},
                        {.batch_size = given.count("--batch"), .shuffle = shuffle, .seed = given.seed()}};
  };
  const auto loss = [](const classifier& net, const auto& world, const batch& b) {
    return loss::cross_entropy(net(world.input(b.x), b.lengths), b.y);
  };
  optim::adam optimizer{model, {.learning_rate = given.number("--rate", 0)}};
  train::validation check{model, batches(validation, false), loss};
  train::keep_best best;
  train::early_stopping enough{{.patience = 5}};
  train::progress_bar bar{train::sink::to(STDOUT_FILENO)};
  train::fit(model, optimizer, loss, batches(training, true),
             {.epochs = given.count("--epochs"),
              .seed = given.seed(),
              .clip_norm = 1,
              .callbacks = {&check, &best, &enough, &bar}});

  io::save(model, given.text("--model"));
  const classifier reloaded(given.text("--model"));
  const tensor<float> scores = reloaded(test.texts), before = model(test.texts);
  const bool same = std::memcmp(scores.data(), before.data(), scores.values().size_bytes()) == 0;
  metrics::confusion_matrix counts(model.of.classes);
  counts.update(scores, labels(test.labels));
  std::printf("\nsaved, reloaded: the scores are %s\n\n%s", same ? "the same" : "OTHERS",
              metrics::classification_report(counts.value(), {.names = labels.classes(), .digits = 3}).text().c_str());
  const words taken_for = labels.inverse(metrics::predictions(scores));
  for (std::size_t i = 0, shown = 0; i < test.texts.size() && shown < 5; ++i)
    if (taken_for[i] != test.labels[i])
      std::printf("%s\"%s\" is %s, was taken for %s\n", shown++ == 0 ? "\n" : "", test.texts[i].c_str(),
                  test.labels[i].c_str(), taken_for[i].c_str());
  return same;
}

}  // namespace

int main(int argc, char** argv) try {
  const options given("classify_text",
                      {{"--data", "data/languages.tsv"},
                       {"--test", "data/languages_test.tsv"},
                       {"--arch", "gru"},
                       {"--features", "16"},
                       {"--hidden", "32"},
                       {"--dropout", "0.5"},
                       {"--epochs", "100"},
                       {"--batch", "16"},
                       {"--rate", "0.003"},
                       {"--seed", "1"},
                       {"--model", "classifier.safetensors"},
                       {"--predict", ""}},
                      argc, argv);
  if (given.text("--predict").empty()) return learn(given) ? 0 : 1;
  predict(classifier(given.text("--model")), given.text("--predict"));
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
