// A forecast of a series that says how sure it is. Several LSTMs learn one step ahead, each from windows that were
// drawn anew (bagging) and first weights of its own. Each then goes on alone from the end of the series, many times:
// what it expects plus an error that it made on values it was not trained on becomes its next input. Mean and quantiles
// of all these paths are the forecast and its interval. On the end of the series, which nothing is learnt from, it is
// compared with two naive forecasts, and the interval with what came; then the ensemble is saved, reloaded, and tells
// the future.
//   time_series [--csv FILE [--column NAME]] [--season N] [--horizon N] [--level P] [--models N] [--window N]
//               [--hidden N] [--epochs N] [--rate R] [--paths N] [--seed N] [--out FILE] [--save FILE] [--load FILE]
// Without --csv: a series that is made up. --season is for the naive forecast, --load takes an ensemble as it is.
// The exit code tells whether the forecast is better than both naive ones, and the reloaded ensemble the same.
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include time_series.cpp -o time_series && ./time_series
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numbers>

#include <inlay/data.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>
#include <inlay/sequence.hpp>
#include <inlay/train.hpp>

#include "options.hpp"

namespace {

using namespace inlay;

// A day and its second half, a slower wave, a trend, and noise that lasts for some hours.  (hours, 1)
tensor<float> made_up(std::int64_t hours, std::uint64_t seed) {
  random::generator g(seed, 9);
  const tensor<float> noise = random::normal<float>(g, {hours});
  tensor<float> out({hours, 1});
  double lasting = 0;
  for (std::int64_t t = 0; t < hours; ++t) {
    const auto wave = [&](double period) { return std::sin(2 * std::numbers::pi * static_cast<double>(t) / period); };
    lasting = 0.7 * lasting + static_cast<double>(noise(t));
    out(t, 0) = static_cast<float>(100 + 0.01 * static_cast<double>(t) + 10 * wave(24) + 5 * wave(12) + 6 * wave(100) +
                                   lasting);
  }
  return out;
}

// A column by its name; the last one without.  (rows, 1)
tensor<float> read(const std::string& path, const std::string& column) {
  const data::text_table table = data::read_csv_text(path, {.header = true});
  auto i = static_cast<std::int64_t>(table.names.size()) - 1;
  if (!column.empty()) i = &table.column(column) - table.columns.data();
  const tensor<double> values = table.numbers(i, i + 1);
  for (const double value : values.values())
    if (!std::isfinite(value)) throw value_error("time_series", {"expected finite numbers in ", path, ", got ", value});
  return values.cast<float>();
}

// From each value of a series to the next: it learns the difference.  x (N, T, 1) -> y (N, T, 1)
struct network {
  nn::lstm<float> lstm;
  nn::dense<float> head;
  buffer<float> errors{tensor<float>()};  // (n,), on values that it was not trained on

  explicit network(std::int64_t hidden)
      : lstm{{.in = 1, .hidden = hidden, .batch_first = true, .forget_bias = 1}}, head{{.in = hidden, .out = 1}} {}

  auto operator()(const auto& x) const { return x + head(lstm(x).y); }
  static void members(auto& self, auto&& visit) {
    visit("lstm", self.lstm);
    visit("head", self.head);
    visit("errors", self.errors);
  }
};

// How to look ahead.
struct outlook {
  std::int64_t horizon, paths;  // paths: of each model
  double level;                 // what share of the futures an interval holds
  std::uint64_t seed;
};

struct sizes {
  std::int64_t models = 0, hidden = 0, window = 0;  // window: values that a forecast looks back on

  static void members(auto& self, auto&& visit) {
    visit("models", self.models);
    visit("hidden", self.hidden);
    visit("window", self.window);
  }
};

struct ensemble {
  sizes of;
  data::standard_scaler<float> scale;
  std::vector<network> nets;

  explicit ensemble(const sizes& s) : of(s) {
    for (std::int64_t i = 0; i < s.models; ++i) nets.emplace_back(s.hidden);
  }
  explicit ensemble(const std::string& path) : ensemble(sizes_in(path)) { io::load(*this, path); }

  // Possible futures of a series (T, 1), in columns.  (horizon, models paths)
  tensor<float> futures(const tensor<float>& series, const outlook& ahead) const {
    const std::int64_t horizon = ahead.horizon, paths = ahead.paths;
    const tensor<float> seen = scale(series.slice(std::max<std::int64_t>(0, series.dim(0) - of.window), series.dim(0)));
    tensor<float> out({horizon, std::ssize(nets) * paths, 1});
    random::generator g(ahead.seed);
    for (std::int64_t i = 0; i < std::ssize(nets); ++i) {
      const network& net = nets[static_cast<std::size_t>(i)];
      auto state = net.lstm(unsqueeze(seen, 0)).state;
      state = {expand(state.h, {-1, paths, -1}), expand(state.c, {-1, paths, -1})};
      tensor<float> now({paths, 1}, seen(seen.dim(0) - 1, 0)), y = squeeze(state.h, 0), error({paths, 1});
      const auto errors = net.errors.value().values();
      for (std::int64_t step = 0; step < horizon; ++step) {
        for (std::int64_t n = 0; n < paths; ++n) error(n, 0) = errors[static_cast<std::size_t>(g.below(errors.size()))];
        now = now + net.head(y) + error;
        for (std::int64_t n = 0; n < paths; ++n) out(step, i * paths + n, 0) = std::as_const(now)(n, 0);
        auto next = net.lstm.step(now, state);
        y = std::move(next.y), state = std::move(next.state);
      }
    }
    return squeeze(scale.inverse(out), 2);
  }

  static void members(auto& self, auto&& visit) {
    visit("sizes", self.of);
    visit("scale", self.scale);
    visit("nets", self.nets);
  }

 private:
  static sizes sizes_in(const std::string& path) {
    sizes found;
    io::bundle part{{"sizes", found}};
    io::load(part, path, {.strict = false});
    if (found.models < 1) throw io_error("time_series", {"expected an ensemble that --save wrote in ", path});
    return found;
  }
};

// Windows (n, T, 1) that begin in [first, last - T) of a series (…, 1), and the same one step later.
auto windows(const tensor<float>& series, std::int64_t first, std::int64_t last, std::int64_t window) {
  const std::int64_t count = last - window - first;
  tensor<float> x({count, window, 1}), y({count, window, 1});
  for (std::int64_t n = 0; n < count; ++n) {
    std::copy_n(series.data() + first + n, window, x.data() + n * window);
    std::copy_n(series.data() + first + n + 1, window, y.data() + n * window);
  }
  return data::tensor_dataset(x, y);
}

// Learns from series[0, known): the nets from the first nine tenths, when to stop and what errors to expect from the
// others.
ensemble trained(const tensor<float>& series, std::int64_t known, const options& given) {
  ensemble out(sizes{given.count("--models"), given.count("--hidden"), given.count("--window", 2)});
  const std::int64_t cut = known * 9 / 10, window = out.of.window;
  if (series.dim(0) < std::max<std::int64_t>(100, 3 * window))
    throw value_error("time_series", {"expected a series of 100 values or more, and of three windows of ", window,
                                      ", got ", series.dim(0)});
  out.scale.fit(series.slice(0, cut));
  const tensor<float> scaled = out.scale(series);
  const auto all = windows(scaled, 0, cut, window), later = windows(scaled, cut, known, known - cut - 1);
  const auto loss = [](const auto& y, const auto& target) { return loss::mse(y, target); };
  for (std::size_t i = 0; i < out.nets.size(); ++i) {
    network& net = out.nets[i];
    const std::uint64_t seed = given.seed() + i;
    init::weights(net, {.seed = seed});
    random::generator g(seed, 1);
    std::vector<std::int64_t> rows(static_cast<std::size_t>(all.size() / 2));  // neighbours are much alike
    for (std::int64_t& row : rows) row = static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(all.size())));
    data::loader loader{data::subset(all, rows), {.batch_size = 32, .shuffle = true, .seed = seed}};
    optim::adam optimizer{net, {.learning_rate = given.number("--rate", 0)}};
    train::validation check{net, data::loader{later}, loss};
    train::keep_best best;
    train::early_stopping enough{{.patience = 5}};
    const auto end =
        train::fit(net, optimizer, loss, loader,
                   {.epochs = given.count("--epochs"), .clip_norm = 1, .callbacks = {&check, &best, &enough}});

    const tensor<float> seen = scaled.slice(cut - window, known);  // behind the first window they are new to it
    const tensor<float> error =
        seen.slice(window + 1, seen.dim(0)) - squeeze(net(unsqueeze(seen, 0)), 0).slice(window, seen.dim(0) - 1);
    net.errors = buffer<float>(error.reshape({-1}));
    std::printf("model %zu: %lld epochs, the best %lld: validation error %.4f of the deviation\n", i + 1,
                static_cast<long long>(end.epochs), static_cast<long long>(best.epoch()), std::sqrt(best.value()));
    std::fflush(stdout);
  }
  return out;
}

// The mean of possible futures (horizon, n), and what `level` of them are within.  Rows of step, mean, lower, upper.
tensor<double> summed_up(const tensor<float>& futures, double level) {
  tensor<double> out({futures.dim(0), 4});
  for (std::int64_t step = 0; step < futures.dim(0); ++step) {
    const tensor<float> values = futures.slice(step, step + 1);
    std::vector<float> sorted(values.values().begin(), values.values().end());
    std::sort(sorted.begin(), sorted.end());
    const auto quantile = [&](double p) {  // linear between neighbours
      const double place = p * static_cast<double>(sorted.size() - 1);
      const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, sorted.size() - 1);
      return std::lerp(static_cast<double>(sorted[below]), static_cast<double>(sorted[above]),
                       place - static_cast<double>(below));
    };
    out(step, 0) = static_cast<double>(step + 1);
    out(step, 1) = static_cast<double>(mean(values).item());
    out(step, 2) = quantile((1 - level) / 2);
    out(step, 3) = quantile((1 + level) / 2);
  }
  return out;
}

// Forecasts from many places of what nothing was learnt from. True when they are better than both naive ones.
bool judge(const ensemble& model, const tensor<float>& series, std::int64_t known, std::int64_t season,
           const outlook& ahead) {
  const std::int64_t horizon = ahead.horizon;
  metrics::mean_squared_error ours{{.root = true}}, last{{.root = true}}, seasonal{{.root = true}};
  double within = 0, width = 0, count = 0;
  for (std::int64_t from = known; from + horizon <= series.dim(0); from += std::max<std::int64_t>(1, horizon / 4)) {
    const tensor<double> forecast = summed_up(model.futures(series.slice(0, from), ahead), ahead.level);
    for (std::int64_t step = 0; step < horizon; ++step) {
      const tensor<float> came = series.slice(from + step, from + step + 1);
      const std::int64_t same = from + step - season * (step / season + 1);  // of the last season that is known
      ours.update(tensor<float>({1, 1}, static_cast<float>(forecast(step, 1))), came);
      last.update(series.slice(from - 1, from), came);
      seasonal.update(series.slice(same, same + 1), came);
      const double value = static_cast<double>(came.item());
      within += value >= forecast(step, 2) && value <= forecast(step, 3);
      width += forecast(step, 3) - forecast(step, 2);
      ++count;
    }
  }
  std::printf("error (RMSE) over %lld steps: %.3f; of the last value %.3f, of the last season %.3f\n",
              static_cast<long long>(horizon), ours.value(), last.value(), seasonal.value());
  std::printf("%.1f %% of %.0f values came within the intervals of %.0f %%, which are %.2f wide on average\n",
              100 * within / count, count, 100 * ahead.level, width / count);
  return ours.value() < last.value() && ours.value() < seasonal.value();
}

}  // namespace

int main(int argc, char** argv) try {
  const options given("time_series",
                      {{"--csv", ""},
                       {"--column", ""},
                       {"--season", "24"},
                       {"--horizon", "48"},
                       {"--level", "0.9"},
                       {"--models", "5"},
                       {"--window", "144"},
                       {"--hidden", "32"},
                       {"--epochs", "40"},
                       {"--rate", "0.005"},
                       {"--paths", "100"},
                       {"--seed", "1"},
                       {"--out", "forecast.csv"},
                       {"--save", "forecast.safetensors"},
                       {"--load", ""}},
                      argc, argv);
  const std::string& csv = given.text("--csv");
  const tensor<float> series = csv.empty() ? made_up(1600, given.seed()) : read(csv, given.text("--column"));
  const std::int64_t known = series.dim(0) * 4 / 5, season = given.count("--season");
  const outlook ahead{given.count("--horizon"), given.count("--paths"), given.number("--level", 0.01, 0.99),
                      given.seed()};
  if (series.dim(0) - known < ahead.horizon || known < season)
    throw value_error("time_series",
                      {"expected a --horizon within the last fifth of the series, ", series.dim(0) - known,
                       " values, and a --season within the others, got ", ahead.horizon, " and ", season});
  const bool fresh = given.text("--load").empty();
  const ensemble model = fresh ? trained(series, known, given) : ensemble(given.text("--load"));
  const bool better = judge(model, series, known, season, ahead);

  if (fresh) io::save(model, given.text("--save"));
  const ensemble reloaded(given.text(fresh ? "--save" : "--load"));
  const tensor<float> futures = model.futures(series, ahead), again = reloaded.futures(series, ahead);
  const bool same = std::memcmp(futures.data(), again.data(), futures.values().size_bytes()) == 0;
  std::printf("saved, reloaded: the forecast is %s\n\n step      mean     lower     upper\n",
              same ? "the same" : "ANOTHER");

  const tensor<double> forecast = summed_up(again, ahead.level);
  for (std::int64_t i = 0; i < ahead.horizon; i += std::max<std::int64_t>(1, ahead.horizon / 8))
    std::printf("%5.0f %9.2f %9.2f %9.2f\n", forecast(i, 0), forecast(i, 1), forecast(i, 2), forecast(i, 3));
  data::write_csv(data::table{{"step", "mean", "lower", "upper"}, forecast}, given.text("--out"));
  return better && same ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
