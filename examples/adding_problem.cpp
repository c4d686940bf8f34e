// The adding problem: sequences of pairs, a number from 0 to 1 and a marker; two numbers are marked, one in each half,
// and their sum is wanted at the end. It measures how far back a recurrent net learns to look: an LSTM and a GRU learn
// it over 200 steps in a minute or two, a plain net does no better than to answer 1, whose error is 1/6.
// docs/recurrent.md has the results. Ends when the test error is below the goal, which is also the exit code.
//   adding_problem [--arch lstm|gru|rnn] [--length T] [--hidden N] [--steps N] [--batch N] [--rate R] [--goal E]
//                  [--seed N]
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include adding_problem.cpp -o adding_problem && ./adding_problem
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
#include <chrono>
#include <cstdio>

#include <inlay/inlay.hpp>
#include <inlay/sequence.hpp>

#include "options.hpp"

namespace {

using namespace inlay;

struct batch {
  tensor<float> x, y;  // (T, N, 2) and (N, 1)
};

batch draw(random::generator& g, std::int64_t length, std::int64_t rows) {
  const tensor<float> numbers = random::uniform<float>(g, {length, rows});
  batch out{tensor<float>({length, rows, 2}), tensor<float>({rows, 1})};
  for (std::int64_t t = 0; t < length; ++t)
    for (std::int64_t n = 0; n < rows; ++n) out.x(t, n, 0) = numbers(t, n);
  const std::int64_t half = length / 2;
  for (std::int64_t n = 0; n < rows; ++n) {
    const auto below = [&](std::int64_t bound) {
      return static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(bound)));
    };
    for (const std::int64_t t : {below(half), half + below(length - half)}) {
      out.x(t, n, 1) = 1;
      out.y(n, 0) += numbers(t, n);
    }
  }
  return out;
}

// The last state of a recurrent net, and a line of it.
template <class Net> struct adder {
  Net net;
  nn::dense<float> head;

  auto operator()(const auto& x) const { return head(squeeze(net(x).state.h, 0)); }
  static void members(auto& self, auto&& visit) {
    visit("net", self.net);
    visit("head", self.head);
  }
};

template <class Net> int run(Net net, const options& given) {
  const std::int64_t length = given.count("--length", 2), steps = given.count("--steps"), rows = given.count("--batch");
  const double goal = given.number("--goal", 0);
  adder<Net> model{std::move(net), nn::dense<float>{{.in = given.count("--hidden"), .out = 1}}};
  init::weights(model, {.seed = given.seed()});
  optim::adam optimizer{model, {.learning_rate = given.number("--rate", 0)}};
  autograd::tape tape;
  random::generator training(given.seed(), 0), held_out(given.seed(), 1);
  const batch test = draw(held_out, length, 1000);
  std::printf("%s of %lld weights, %lld steps of time\n", given.text("--arch").c_str(),
              static_cast<long long>(parameter_count(model)), static_cast<long long>(length));

  const std::int64_t every = std::min<std::int64_t>(100, steps);
  double sum = 0, seconds = 0, error = 0;
  for (std::int64_t step = 1; step <= steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const batch b = draw(training, length, rows);
    const auto loss = loss::mse(model(tape.input(b.x)), b.y);
    loss.backward();
    optim::clip_grad_norm(model, 1.0);
    optimizer.step();
    optimizer.zero_grad();
    sum += static_cast<double>(loss.item());
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (step % every != 0) continue;
    error = static_cast<double>(loss::mse(model(test.x), test.y).item());
    std::printf("step %5lld  training error %.5f  test error %.5f  %.0f s\n", static_cast<long long>(step),
                sum / static_cast<double>(every), error, seconds);
    std::fflush(stdout);
    sum = 0;
    if (error < goal) return 0;
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const options given("adding_problem",
                      {{"--arch", "lstm"},
                       {"--length", "200"},
                       {"--hidden", "32"},
                       {"--steps", "4000"},
                       {"--batch", "50"},
                       {"--rate", "0.01"},
                       {"--goal", "0.01"},
                       {"--seed", "1"}},
                      argc, argv);
  const std::string& arch = given.word("--arch", {"lstm", "gru", "rnn"});
  const std::int64_t hidden = given.count("--hidden");
  if (arch == "lstm") return run(nn::lstm<float>{{.in = 2, .hidden = hidden, .forget_bias = 1}}, given);
  if (arch == "gru") return run(nn::gru<float>{{.in = 2, .hidden = hidden}}, given);
  return run(nn::rnn<float>{{.in = 2, .hidden = hidden}}, given);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
