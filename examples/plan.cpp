// Makes a ResNet-18 ready for inference: what is fused, where the time goes, how long a call takes as the model is
// written and as a plan.
//   plan [--size PIXELS] [--weights FILE]     default: 64; torchvision's resnet18 as safetensors, or made-up weights
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <inlay/graph.hpp>
#include <inlay/inlay.hpp>
#include <inlay/metrics.hpp>
#include <inlay/models.hpp>

namespace {

using namespace inlay;

// Percentiles over 20 calls of f.
template <class F> metrics::latency timed(F&& f) {
  metrics::latency out;
  f();  // warm up
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    out.record(std::chrono::steady_clock::now() - start);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  std::int64_t size = 64;
  std::string weights;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--size") == 0) size = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--weights") == 0) weights = argv[i + 1];
  }

  models::resnet<float> net{{.depth = 18}};
  init::weights(net, {.seed = 1});
  if (!weights.empty()) models::load_torch(net, weights);
  random::generator g{2};
  const auto image = random::normal<float>(g, {1, 3, size, size}, 0, 1);

  const graph::plan fast{net, image};
  double all = 0;
  const auto steps = fast.profile();
  for (const auto& step : steps) all += step.milliseconds;
  for (const auto& step : steps)
    std::printf("%-24s %-28s %-18s %7.3f ms %3.0f %%  %5.1f GFLOP/s\n", step.path.c_str(), step.operation.c_str(),
                step.output.c_str(), step.milliseconds, 100 * step.milliseconds / all,
                2e-6 * static_cast<double>(step.multiply_adds) / step.milliseconds);
  std::printf("%zu steps, %lld KiB for results between them\n", fast.steps(),
              static_cast<long long>(fast.arena_bytes() / 1024));

  tensor<float> scores, expected;
  const auto eager = timed([&] { expected = net(image); }), planned = timed([&] { scores = fast(image); });
  std::printf("a call: %.2f ms as written, %.2f ms as a plan (medians)\n", 1e3 * eager.p50(), 1e3 * planned.p50());

  float apart = 0, largest = 0;
  for (std::int64_t i = 0; i < scores.size(); ++i) {
    apart = std::max(apart, std::abs(scores(0, i) - expected(0, i)));
    largest = std::max(largest, std::abs(expected(0, i)));
  }
  std::printf("scores differ by %.1e of %.1e, from rounding\n", static_cast<double>(apart),
              static_cast<double>(largest));
  return apart <= 1e-4f * largest ? 0 : 1;
} catch (const inlay::error& problem) {
  std::fprintf(stderr, "plan: %s\n", problem.what());
  return 1;
}
