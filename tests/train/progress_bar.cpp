// Shows: a progress bar for terminals, plain lines elsewhere
// The progress bar: what it writes on a terminal and elsewhere, how often, and that it writes nowhere else.
#include <inlay/train/progress_bar.hpp>

#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

// What a bar writes when each step takes `seconds`.
std::string text_of(bool terminal, double seconds, train::fit_config config, double interval = 0) {
  problem p;
  std::string out;
  double now = 100;
  train::before_step work{[&](train::state& run) {
    now += seconds;
    run.epoch_loss = 0.25;
  }};
  train::after_epoch fixed{[](train::state& run) { run.values[0].value = 0.123456; }};
  train::progress_bar bar{{[&](std::string_view text) { out += text; }, terminal},
                          {.interval = interval, .clock = [&] { return now; }}};
  std::vector<train::callback*> all{&work, &fixed};
  all.insert(all.end(), config.callbacks.begin(), config.callbacks.end());
  all.push_back(&bar);
  config.callbacks = all;
  train::fit(p.net, p.optimizer, cross_entropy, p.loader, config);
  return out;
}

}  // namespace

TEST_CASE("progress_bar: elsewhere than on a terminal, a line for each epoch") {
  CHECK(text_of(false, 0.5, {.epochs = 2}) ==
        "epoch 1/2  0:03  loss 0.1235  14.8 rows/s\nepoch 2/2  0:03  loss 0.1235  14.8 rows/s\n");
  CHECK(text_of(false, 1000, {.epochs = 1}) == "epoch 1/1  1:23:20  loss 0.1235  0.0074 rows/s\n");
  train::after_step stop{[](train::state& run) {
    if (run.step == 2) run.stopped = "that is all";
  }};
  CHECK(text_of(false, 1, {.callbacks = {&stop}}) == "ended after epoch 0: that is all\n");
}

TEST_CASE("progress_bar: on a terminal a line is drawn over, ten times in a second at most") {
  CHECK(text_of(true, 2, {.epochs = 1}) ==
        "\repoch 1/1 [====>               ] 1/5  loss 0.25  4 rows/s  0:08 left\x1b[K"
        "\repoch 1/1 [========>           ] 2/5  loss 0.25  4 rows/s  0:06 left\x1b[K"
        "\repoch 1/1 [============>       ] 3/5  loss 0.25  4 rows/s  0:04 left\x1b[K"
        "\repoch 1/1 [================>   ] 4/5  loss 0.25  4 rows/s  0:02 left\x1b[K"
        "\repoch 1/1 [====================] 5/5  loss 0.25  3.7 rows/s  0:00 left\x1b[K"
        "\repoch 1/1  0:10  loss 0.1235  3.7 rows/s\x1b[K\n");
  const auto drawings = [](const std::string& text) { return std::count(text.begin(), text.end(), '\r'); };
  CHECK(drawings(text_of(true, 0.001, {.epochs = 1})) == 2);   // the first one, and the line of the epoch
  CHECK(drawings(text_of(true, 0.0501, {.epochs = 1})) == 4);  // every other
  CHECK(drawings(text_of(true, 2, {.epochs = 1}, 5)) == 3);
}

TEST_CASE("progress_bar: a sink for files; one that is not there") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const train::sink sink = train::sink::to(ends[1]);
  CHECK_FALSE(sink.terminal);
  sink.write("some text\n");
  char read[16] = {};
  CHECK(::read(ends[0], read, sizeof read) == 10);
  CHECK(std::string_view(read) == "some text\n");
  ::close(ends[0]);
  ::close(ends[1]);
  sink.write("nowhere to go");  // and no harm done
  CHECK_THROWS_WITH_AS(train::progress_bar({}), "[progress_bar] expected a sink to write to, got an empty function",
                       value_error);
}
