// The measures of every epoch: as numbers, as CSV or JSON, and as a picture of the curves (SVG).
#pragma once

#include "../data/csv.hpp"
#include "../io/safetensors_header.hpp"
#include "curves.hpp"

namespace inlay::inline v0_1::train {

struct history_config {
  std::vector<std::string> paths = {};  // written anew after each epoch, as what their ends say: .csv, .json or .svg
};

// Stands after the callbacks that measure. Columns: epoch, step, learning_rate, loss, and whatever was measured.
class history final : public callback {
 public:
  // Throws value_error for a path with another end.
  explicit history(const history_config& config = {}) : config_(config) {
    for (const std::string& path : config.paths) format(path);
  }

  void start(state&) override {
    table_ = {};
    kept_.set(table_);
  }
  void resume(state&) override { table_ = kept_.get(); }
  void after_epoch(state& run) override {
    std::vector<measure> row{{"epoch", static_cast<double>(run.epoch)},
                             {"step", static_cast<double>(run.step)},
                             {"learning_rate", run.optimizer.learning_rate()}};
    row.insert(row.end(), run.values.begin(), run.values.end());
    table_.add(row);
    for (const std::string& path : config_.paths) save(path);
  }
  void keep(member_visitor& visit) override {
    kept_.set(table_);
    visit("table", kept_);
  }

  std::int64_t epochs() const noexcept { return static_cast<std::int64_t>(table_.rows.size()); }

  // Epochs in rows; NaN where a measure was not taken.
  data::table table() const { return {table_.names, table_.cells()}; }

  // A list with an object for each epoch; null where a number is missing or not finite.
  std::string json() const {
    std::string out = "[";
    for (const std::vector<double>& row : table_.rows) {
      out += out.size() == 1 ? "\n  {" : ",\n  {";
      for (std::size_t c = 0; c < row.size(); ++c)
        out += (c == 0 ? "" : ", ") + io::detail::quoted(table_.names[c]) + ": " +
               (inlay::detail::is_finite(row[c]) ? detail::exact_text(row[c]) : "null");
      out += '}';
    }
    return out + "\n]\n";
  }

  std::string svg() const { return detail::curves::svg(table_); }

  // Writes a file, atomically, as what its end says. Throws value_error for another end, io_error.
  void save(const std::string& path) const {
    const char what = format(path);
    if (what == 'c') return data::write_csv(table(), path);
    io::atomic_writer out(path);
    out.write(what == 'j' ? json() : svg());
    out.commit();
  }

 private:
  static char format(const std::string& path) {
    for (const char* end : {".csv", ".json", ".svg"})
      if (path.ends_with(end)) return end[1];
    throw value_error("history", {"expected a path that ends with .csv, .json or .svg, got ", path});
  }

  history_config config_;
  detail::measure_table table_;
  detail::kept_table kept_;
};

}  // namespace inlay::inline v0_1::train
