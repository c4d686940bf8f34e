// Tells how a run goes on, in text that goes where the caller says: on a terminal a line that is drawn over, at most
// ten times in a second; elsewhere a line for each epoch.
//   epoch 3/12 [========>           ] 412/938  loss 0.2143  18.4k rows/s  0:07 left
//   epoch 3/12  0:16  loss 0.1987  val_loss 0.2231  val_accuracy 0.9312  18.3k rows/s
#pragma once

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>

#include "callback.hpp"

namespace inlay::inline v0_1::train {

// Where text goes.
struct sink {
  std::function<void(std::string_view)> write;
  bool terminal = false;  // a line may be drawn over

  // To an open file, such as STDERR_FILENO; it is asked whether it is a terminal. What cannot be written is lost.
  static sink to(int descriptor) {
    return {[descriptor](std::string_view text) {
              while (!text.empty()) {
                const ssize_t count = ::write(descriptor, text.data(), text.size());
                if (count < 0 && errno != EINTR) return;
                if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
              }
            },
            ::isatty(descriptor) == 1};
  }
};

struct progress_bar_config {
  double interval = 0.1;               // seconds from one drawing to the next; 0.1 is the least
  std::function<double()> clock = {};  // seconds that only grow; empty: the machine's
};

// Stands behind the callbacks that measure.
class progress_bar final : public callback {
 public:
  explicit progress_bar(sink to, progress_bar_config config = {}) : sink_(std::move(to)), config_(std::move(config)) {
    if (!sink_.write) throw value_error("progress_bar", {"expected a sink to write to, got an empty function"});
    if (!config_.clock)
      config_.clock = [] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
      };
    if (!(config_.interval >= 0.1)) config_.interval = 0.1;
  }

  void start(state&) override { begin(0, 0); }
  void resume(state& run) override { begin(run.batch, run.rows); }

  void after_step(state& run) override {
    last_step_ = config_.clock();
    if (!sink_.terminal || (drawn_ && last_step_ - last_drawing_ < config_.interval)) return;
    drawn_ = true;
    last_drawing_ = last_step_;
    sink_.write("\r" + line(run) + "\x1b[K");
  }

  void after_epoch(state& run) override {
    std::string text = head(run, run.epoch) + "  " + duration(config_.clock() - began_);
    for (const measure& m : run.values) text += "  " + m.name + " " + digits(m.value);
    sink_.write((sink_.terminal ? "\r" : "") + text + rate(run) + (sink_.terminal ? "\x1b[K\n" : "\n"));
    begin(0, 0);
  }

  void finish(state& run) override {
    if (!run.stopped.empty())
      sink_.write((drawn_ ? "\r\x1b[Kended after epoch " : "ended after epoch ") + std::to_string(run.epoch) + ": " +
                  run.stopped + "\n");
  }

 private:
  void begin(std::int64_t batch, std::int64_t rows) {
    began_ = last_step_ = config_.clock();
    first_batch_ = batch;
    first_row_ = rows;
    drawn_ = false;
  }

  static std::string head(const state& run, std::int64_t epoch) {
    return "epoch " + std::to_string(epoch) + "/" + std::to_string(run.epochs);
  }

  std::string line(const state& run) const {
    std::string text = head(run, run.epoch + 1);
    if (run.batches > 0) {
      constexpr std::int64_t width = 20;
      const std::int64_t full = std::min(width, width * run.batch / run.batches);
      text += " [" + std::string(static_cast<std::size_t>(full), '=') +
              (full < width ? ">" + std::string(static_cast<std::size_t>(width - full - 1), ' ') : "") + "] " +
              std::to_string(run.batch) + "/" + std::to_string(run.batches);
    } else {
      text += "  batch " + std::to_string(run.batch);
    }
    text += "  loss " + digits(run.epoch_loss) + rate(run);
    const auto done = static_cast<double>(run.batch - first_batch_);
    if (run.batches > 0 && done > 0)
      text += "  " + duration((last_step_ - began_) / done * static_cast<double>(run.batches - run.batch)) + " left";
    return text;
  }

  // Rows in a second, of the time that was spent on training.
  std::string rate(const state& run) const {
    const double seconds = last_step_ - began_, rows = static_cast<double>(run.rows - first_row_);
    if (!(seconds > 0) || !(rows > 0)) return {};
    const double each = rows / seconds;
    return "  " +
           (each >= 1e6   ? digits(each / 1e6, 3) + "M"
            : each >= 1e3 ? digits(each / 1e3, 3) + "k"
                          : digits(each, 3)) +
           " rows/s";
  }

  static std::string digits(double value, int count = 4) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*g", count, value);
    return text;
  }

  // "0:07", "2:13:05"
  static std::string duration(double seconds) {
    const auto all = static_cast<std::int64_t>(seconds + 0.5);
    char text[48];
    if (all >= 3600)
      std::snprintf(text, sizeof text, "%" PRId64 ":%02d:%02d", all / 3600, static_cast<int>(all / 60 % 60),
                    static_cast<int>(all % 60));
    else
      std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(all / 60), static_cast<int>(all % 60));
    return text;
  }

  sink sink_;
  progress_bar_config config_;
  double began_ = 0, last_step_ = 0, last_drawing_ = 0;
  std::int64_t first_batch_ = 0, first_row_ = 0;  // that this run has not done itself
  bool drawn_ = false;
};

}  // namespace inlay::inline v0_1::train
