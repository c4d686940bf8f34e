// A table as others send it, made a model in use: cells that are missing are filled and columns scaled as the training
// rows teach, options are searched, five folds tell what to expect, and one file keeps the net with its transforms.
//   tabular [iris|wine|breast_cancer|all [SPLITS [FOLDER]]]     default: all 2
// SPLITS: how many times five folds are made. FOLDER, which must exist, keeps the tables with holes, the folds and the
// models; docs/tabular.md compares them with scikit-learn's.
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include tabular.cpp -o tabular && ./tabular
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>
#include <inlay/train.hpp>

namespace {

using namespace inlay;
using words = std::vector<std::string>;
using samples = data::tensor_dataset<float, std::int64_t>;

// Takes 5 % of the feature cells out of a table; the last column is the class. Returns how many.
std::int64_t make_holes(const std::string& from, const std::string& to) {
  data::text_table table = data::read_csv_text(from, {.header = true});
  const auto features = static_cast<std::int64_t>(table.columns.size()) - 1, cells = table.rows() * features;
  random::generator g{5};
  const tensor<std::int64_t> order = random::permutation(g, cells);
  for (const std::int64_t cell : order.values().first(static_cast<std::size_t>(cells / 20)))
    table.columns[static_cast<std::size_t>(cell % features)][static_cast<std::size_t>(cell / features)].clear();
  data::write_csv(table, to);
  return cells / 20;
}

struct labelled_table {
  data::table features;  // NaN: missing
  words labels;

  labelled_table rows(std::span<const std::int64_t> which) const {
    labelled_table out{{features.names, data::take_rows(features.values, which)}, {}};
    for (const std::int64_t row : which) out.labels.push_back(labels[static_cast<std::size_t>(row)]);
    return out;
  }
};

labelled_table read(const std::string& path) {
  const data::text_table file = data::read_csv_text(path, {.header = true});
  return {{{file.names.begin(), file.names.end() - 1}, file.numbers(0, -1, {""})}, file.columns.back()};
}

// Nothing here can be below 0, so such values count as missing; holes get the mean of their column. No row goes.
data::clean_options rules(const data::table& features) {
  data::clean_options out{.outside = data::out_of_range::hole, .holes = data::missing::fill};
  for (std::int64_t i = 0; i < features.values.dim(1); ++i) out.ranges.push_back({.column = i, .low = 0});
  return out;
}

struct network {
  nn::dense<float> hidden, scores;

  network(std::int64_t features, std::int64_t width, std::int64_t classes)
      : hidden{{.in = features, .out = width, .activation = activation::relu}}, scores{{.in = width, .out = classes}} {}

  auto operator()(const auto& x) const { return scores(hidden(x)); }
  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

// A net with what its inputs and outputs mean.
struct classifier {
  data::imputer<double> fill;
  data::standard_scaler<double> scale;
  data::label_encoder classes;
  network net{1, 1, 1};  // training and loading put another one here

  tensor<float> prepared(const data::table& features) const {
    return scale(data::clean(features, rules(features), fill).kept.values).cast<float>();
  }
  tensor<float> operator()(const data::table& features) const { return net(prepared(features)); }
  static void members(auto& self, auto&& visit) {
    visit("fill", self.fill);
    visit("scale", self.scale);
    visit("classes", self.classes);
    visit("net", self.net);
  }
};

network trained(const samples& on, std::int64_t classes, const train::trial& options, std::uint64_t seed) {
  network net(on.x().dim(1), options.integer("width"), classes);
  init::weights(net, {.seed = seed});
  optim::adam optimizer{net,
                        {.learning_rate = options.value("learning_rate"),
                         .weight_decay = options.value("lambda"),
                         .groups = {{.match = "*bias", .weight_decay = 0}}}};
  data::loader loader{on, {.batch_size = 32, .shuffle = true, .seed = seed}};
  const auto loss = [](const auto& scores, const auto& y) { return loss::cross_entropy(scores, y); };
  train::fit(net, optimizer, loss, loader, {.epochs = options.epochs});
  return net;
}

struct learnt {
  classifier model;
  train::trial options;
  data::clean_report report;
};

// All that is learnt comes from these rows: what fills holes, the scales, the options, the weights.
learnt learn(const labelled_table& from, std::uint64_t seed) {
  const data::cleaned cleaned = data::clean(from.features, rules(from.features));
  classifier model;
  model.fill = cleaned.fill;
  model.scale.fit(cleaned.kept.values);
  model.classes.fit(from.labels);
  const samples all{model.prepared(from.features), model.classes(from.labels)};
  const auto classes = static_cast<std::int64_t>(model.classes.classes().size());

  const train::space space{{"learning_rate", train::log_uniform(2e-3, 2e-2)},
                           {"width", train::choice({8, 16, 32, 64})},
                           {"lambda", train::log_uniform(1e-4, 3e-2)}};  // of the L2 penalty
  const auto parts = data::stratified_split(all, all.size() * 3 / 4, seed);
  const samples &training = parts.first, &validation = parts.second;
  const auto validation_loss = [&](const train::trial& options) -> double {
    const network net = trained(training, classes, options, seed);
    return loss::cross_entropy(net(validation.x()), validation.y()).item();
  };
  const auto found = train::random_search(space, validation_loss, {.epochs = 60, .trials = 10, .seed = seed});
  const train::trial& best = found.best_trial().trial;
  model.net = trained(all, classes, best, seed);
  return {std::move(model), best, cleaned.report};
}

std::string text_of(const train::trial& options) {
  char text[96];
  std::snprintf(text, sizeof text, "learning rate %.4f, width %2s, lambda %.4f", options.value("learning_rate"),
                options.word("width").c_str(), options.value("lambda"));
  return text;
}

std::string text_of(data::clean_report report) {
  constexpr std::size_t shown = 4;  // columns
  const bool all = report.columns.size() <= shown;
  if (!all) report.columns.resize(shown);
  return report.text() + (all ? "" : "; …");
}

// Mean accuracy on rows that nothing was learnt from. The file tells in which fold a row was tested.
double cross_validate(const labelled_table& all, int splits, const std::string& folds_path) {
  data::label_encoder classes;
  classes.fit(all.labels);
  data::text_table tested_in;
  double mean = 0;
  for (int split = 1; split <= splits; ++split) {
    const auto seed = static_cast<std::uint64_t>(split);
    const auto folds = data::stratified_k_fold(classes(all.labels), 5, {.shuffle = true, .seed = seed});
    tested_in.names.push_back("split " + std::to_string(split));
    tested_in.columns.emplace_back(all.labels.size());
    for (std::size_t i = 0; i < folds.size(); ++i) {
      const auto [model, options, report] = learn(all.rows(folds[i].train), seed);
      const labelled_table test = all.rows(folds[i].test);
      metrics::accuracy accuracy;
      accuracy.update(model(test.features), model.classes(test.labels));
      mean += accuracy.value() / (5 * splits);
      std::printf("split %d, fold %d: %s: %.4f\n", split, static_cast<int>(i) + 1, text_of(options).c_str(),
                  accuracy.value());
      for (const std::int64_t row : folds[i].test)
        tested_in.columns.back()[static_cast<std::size_t>(row)] = std::to_string(i + 1);
    }
  }
  data::write_csv(tested_in, folds_path);
  return mean;
}

// A few rows with holes, without their class, as a file of their own; returns the classes.
words write_unlabelled(const std::string& from, const std::string& to) {
  data::text_table table = data::read_csv_text(from, {.header = true});
  std::vector<std::size_t> holed;
  for (std::size_t row = 0; row < table.columns[0].size(); ++row)
    for (const words& column : table.columns)
      if (column[row].empty() && (holed.empty() || holed.back() != row)) holed.push_back(row);
  for (words& column : table.columns)
    column = {column[holed.front()], column[holed[holed.size() / 2]], column[holed.back()]};
  words classes = std::move(table.columns.back());
  table.names.pop_back();
  table.columns.pop_back();
  data::write_csv(table, to);
  return classes;
}

// From a table to a file that predicts; false when the accuracy is below the floor or the file predicts otherwise.
bool run(const std::string& name, double floor, int splits, const std::string& folder) {
  const std::string table_path = folder + "/" + name + ".csv", model_path = folder + "/" + name + ".safetensors",
                    rows_path = folder + "/" + name + "_rows.csv";
  const std::int64_t removed = make_holes("data/" + name + ".csv", table_path);
  const labelled_table all = read(table_path);
  std::printf("%s: %d features, %d cells taken out\n", name.c_str(), static_cast<int>(all.features.values.dim(1)),
              static_cast<int>(removed));
  const double mean = cross_validate(all, splits, folder + "/" + name + "_folds.csv");
  std::printf("%s: mean 5-fold accuracy %.2f %% (splits: %d)\n", name.c_str(), 100 * mean, splits);

  const auto [model, options, report] = learn(all, 0);
  std::printf("from all rows: %s\n%s\n", text_of(options).c_str(), text_of(report).c_str());
  io::save(model, model_path);
  classifier reloaded;
  io::load(reloaded, model_path, {.reshape = true});  // of a net of any width
  const tensor<float> before = model(all.features), after = reloaded(all.features);
  const bool same =
      before.shape() == after.shape() && std::memcmp(before.data(), after.data(), before.values().size_bytes()) == 0;

  const words classes = write_unlabelled(table_path, rows_path);
  const data::table rows = data::read_csv(rows_path, {.header = true, .missing = {""}});
  const words predicted = reloaded.classes.inverse(metrics::predictions(reloaded(rows)));
  std::printf("saved, reloaded: scores are %s; rows of another file, with holes:", same ? "identical" : "DIFFERENT");
  for (std::size_t i = 0; i < predicted.size(); ++i)
    std::printf(" %s (is %s)%s", predicted[i].c_str(), classes[i].c_str(), i + 1 < predicted.size() ? "," : "\n\n");
  return same && mean >= floor;
}

// The folder of the caller, or one that goes with this.
struct work_folder {
  std::string path;
  bool own;

  explicit work_folder(const char* given) : path(given != nullptr ? given : ""), own(given == nullptr) {
    if (!own) return;
    path = (std::filesystem::temp_directory_path() / "tabular-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw io_error("tabular", {"expected to make a folder ", path});
  }
  work_folder(const work_folder&) = delete;
  work_folder& operator=(const work_folder&) = delete;
  ~work_folder() {
    std::error_code ignored;
    if (own) std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view wanted = argc > 1 ? argv[1] : "all", given = argc > 2 ? argv[2] : "2";
  int splits = 0;
  const char* const end = given.data() + given.size();
  if (const auto [stop, code] = std::from_chars(given.data(), end, splits); stop != end || splits < 1)
    throw value_error("tabular", {"expected how many splits to make, 1 or more, got ", given});
  const work_folder folder(argc > 3 ? argv[3] : nullptr);

  const struct {
    const char* name;
    double floor;
  } tables[] = {{"iris", 0.92}, {"wine", 0.95}, {"breast_cancer", 0.955}};
  bool any = false, good = true;
  for (const auto& table : tables)
    if (wanted == "all" || wanted == table.name) {
      any = true;
      good = run(table.name, table.floor, splits, folder.path) && good;
    }
  if (!any) throw value_error("tabular", {"expected iris, wine, breast_cancer or all, got ", wanted});
  return good ? 0 : 1;
} catch (const std::exception& problem) {  // inlay::error, or one of the file system
  std::fprintf(stderr, "tabular: %s\n", problem.what());
  return 1;
}
