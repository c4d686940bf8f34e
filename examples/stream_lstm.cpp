// An LSTM in a thread that may not wait, such as one that fills a sound card's buffers: a sample in, a sample out, one
// step at a time, in place and without memory from the system. Prints what a step takes beside what no step takes,
// and how often memory was asked for once it was warm; that it never was is also the exit code.
//   stream_lstm [HIDDEN] [STEPS]     default: 16 100000
// In this folder: g++ -std=c++20 -O2 -fopenmp -I ../include stream_lstm.cpp -o stream_lstm && ./stream_lstm
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include <inlay/inlay.hpp>
#include <inlay/sequence.hpp>

namespace {
std::atomic<long> allocations{0};
}

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* at = std::malloc(bytes)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace {

using namespace inlay;

// Elapsed time: the clock of processor time takes longer to read than a step. A step's processor time is no more.
double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

int main(int argc, char** argv) try {
  const std::int64_t hidden = argc > 1 ? std::atoll(argv[1]) : 16, steps = argc > 2 ? std::atoll(argv[2]) : 100000;
  const nn::lstm<float> net{{.in = 1, .hidden = hidden}};
  const nn::dense<float> head{{.in = hidden, .out = 1}};
  auto state = net.start(1);
  std::vector<float> features(static_cast<std::size_t>(hidden));
  float sample = 0, answer = 0;

  const auto step = [&](std::int64_t t) {
    sample = std::sin(0.05f * static_cast<float>(t));
    net.step(std::span<const float>(&sample, 1), state, std::span(features));
    head.run(features, std::span(&answer, 1));
  };
  for (std::int64_t t = 0; t < 1000; ++t) step(t);  // warm: memory is the library's from here on
  std::vector<double> times(static_cast<std::size_t>(steps));
  const auto measure = [&](const char* what, const auto& one) {
    double last = seconds();
    for (std::int64_t t = 0; t < steps; ++t) {
      one(t);
      const double now = seconds();  // once a step: it is a part of what is measured
      times[static_cast<std::size_t>(t)] = now - last;
      last = now;
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) {
      return 1e6 * times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
    };
    std::printf("%s in microseconds: median %.2f  99 %% %.2f  99.9 %% %.2f (%.2f x the median)  most %.2f\n", what,
                at(0.5), at(0.99), at(0.999), at(0.999) / at(0.5), at(1));
  };
  const long before = allocations;
  measure("a step", step);
  const long asked = allocations - before;
  measure("none  ", [](std::int64_t) {});  // what the clock and the machine's own interruptions take
  std::printf("hidden %lld, last answer %.6f\n", static_cast<long long>(hidden), static_cast<double>(answer));
  std::printf("memory asked for in %lld steps: %ld times\n", static_cast<long long>(steps), asked);
  return asked == 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
