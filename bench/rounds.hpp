// Rows of contestants that take turns: Google Benchmark times each for a moment, round after round, so that whatever
// else the machine does hits all of them alike. Results must agree before anything is timed; a row's ratio is the
// median over the rounds of (our speed / the peer's speed in the same round). Everything runs on one thread, so time is
// the processor time of the process: being preempted by others does not count.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <inlay/core/threads.hpp>

namespace bench {

// part: work that ours contains and that the row does not count; its time is taken off.
enum class role { ours, peer, limit, part };

struct contestant {
  std::string name;
  std::function<void()> call;                       // what is timed
  std::function<std::vector<float>()> result = {};  // of the last call; must agree with the row's
  std::function<void()> restart = {};               // before a timed run and before the check
  std::function<void()> prepare = {};               // before each call, not timed
  bench::role role = bench::role::peer;
};

// How a row is shown: units of work per second, or time per unit of work.
struct unit {
  const char* name;
  double scale;
  bool is_time = false;
};
inline constexpr unit gflop_rate{"GFLOP/s", 1e-9}, sample_rate{"samples/s", 1}, nanoseconds{"ns", 1e9, true};

struct row {
  std::string name;
  bench::unit unit;
  double work;                          // done by a call, in what the unit counts
  double flop = 0;                      // of a call, for its share of the limit
  std::vector<contestant> contestants;  // ours first
  std::vector<float> expected = {};     // empty: what the first contestant computes
  double tolerance = 1e-4;              // relative to the largest expected value
  double budget = 0;                    // in the row's unit, printed as a peer
  std::optional<double> counted = {};   // a number that no clock is needed for
};

namespace detail {

struct options {
  int rounds = 9;
  std::string only;            // rows whose name contains it
  std::FILE* table = nullptr;  // tab-separated rows, for bench/run
};

inline options parse(int& argc, char** argv) {
  options out;
  int kept = 0;
  for (int i = 0; i < argc; ++i) {
    const std::string_view text = argv[i];
    const auto is = [&](std::string_view flag) { return text.starts_with(flag); };
    const std::string value(text.substr(std::min(text.find('=') + 1, text.size())));
    if (is("--rounds=")) {
      out.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (is("--only=")) {
      out.only = value;
    } else if (is("--table=")) {
      out.table = std::fopen(value.c_str(), "w");
      if (out.table == nullptr) {
        std::perror(value.c_str());
        std::exit(1);
      }
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return out;
}

// Seconds per call, of each contestant by name.
class collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const bool manual = run.run_name.time_type == "manual_time";
      const double all = manual ? run.real_accumulated_time : run.cpu_accumulated_time;
      seconds[run.run_name.function_name].push_back(all / static_cast<double>(run.iterations));
    }
  }
  std::map<std::string, std::vector<double>> seconds;
};

inline double quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  const double place = at * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

inline std::string three_digits(double value) {
  char text[32];
  const char* format = value >= 100 || value == 0 ? "%.0f" : value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f";
  std::snprintf(text, sizeof text, format, value);
  return text;
}

inline void check(const row& r) {
  std::vector<float> expected = r.expected;
  for (const contestant& c : r.contestants) {
    if (!c.result) continue;
    if (c.restart) c.restart();
    if (c.prepare) c.prepare();
    c.call();
    const std::vector<float> got = c.result();
    if (expected.empty()) expected = got;
    double largest = 0, worst = got.size() == expected.size() ? 0 : INFINITY;
    for (const float value : expected) largest = std::max<double>(largest, std::abs(value));
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
      const double off = std::abs(static_cast<double>(got[i]) - expected[i]);
      if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off;
    }
    if (worst <= r.tolerance * largest) continue;
    std::fprintf(stderr, "%s: the results of %s are off by %g of %g; nothing was timed\n", r.name.c_str(),
                 c.name.c_str(), worst, largest);
    std::exit(1);
  }
}

inline double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline void time_contestant(benchmark::State& state, const contestant& c) {
  if (c.restart) c.restart();
  if (!c.prepare) {
    for (auto _ : state) c.call();
    return;
  }
  for (auto _ : state) {
    c.prepare();
    const double start = processor_seconds();
    c.call();
    state.SetIterationTime(processor_seconds() - start);
  }
}

// Round 0 warms up and is not counted.
inline collector take_turns(const row& r, int rounds) {
  for (const contestant& c : r.contestants) {
    auto* registered =
        benchmark::RegisterBenchmark(c.name.c_str(), [&c](benchmark::State& state) { time_contestant(state, c); });
    if (c.prepare)
      registered->UseManualTime();
    else
      registered->MeasureProcessCPUTime();
  }
  collector warm_up, out;
  for (int round = 0; round <= rounds; ++round) benchmark::RunSpecifiedBenchmarks(round == 0 ? &warm_up : &out, ".");
  benchmark::ClearRegisteredBenchmarks();
  return out;
}

struct line {
  std::string ours, peer, peers, ratio, low, high, share;
};

inline void print(const options& with, const row& r, const line& l, int rounds) {
  const std::string threads = std::to_string(inlay::thread_count());
  const char* isa = inlay::name(inlay::active_isa());
  std::printf("%-34s %9s %-11s %-32s %9s", r.name.c_str(), l.ours.c_str(), r.unit.name, l.peer.c_str(),
              l.peers.c_str());
  if (l.ratio != "-") std::printf("  ratio %s", l.ratio.c_str());
  if (l.low != "-") std::printf(" (%s to %s)", l.low.c_str(), l.high.c_str());
  std::printf(l.share == "-" ? "\n" : "  %s of the limit\n", l.share.c_str());
  std::fflush(stdout);
  if (with.table == nullptr) return;
  for (const std::string& cell : {r.name, threads, std::string(isa), std::string(r.unit.name), l.ours, l.peer, l.peers,
                                  l.ratio, l.low, l.high, l.share})
    std::fprintf(with.table, "%s\t", cell.c_str());
  std::fprintf(with.table, "%d\n", rounds);
}

inline void report_counted(const options& with, const row& r) {
  print(with, r, {three_digits(*r.counted), "budget", three_digits(r.budget), "-", "-", "-", "-"}, 1);
}

inline void report(const options& with, const row& r, const collector& timed) {
  const auto shown = [&](const std::vector<double>& seconds, double work) {
    const double median = quantile(seconds, 0.5);
    return r.unit.is_time ? median / work * r.unit.scale : work / median * r.unit.scale;
  };
  const auto pairs = [&](const std::vector<double>& ours, const std::vector<double>& others, double factor) {
    std::vector<double> out;
    for (std::size_t i = 0; i < ours.size(); ++i) out.push_back(factor * others[i] / ours[i]);
    return out;
  };
  std::vector<double> ours = timed.seconds.at(r.contestants.front().name);
  for (const contestant& c : r.contestants)
    if (c.role == role::part)
      for (std::size_t i = 0; i < ours.size(); ++i) ours[i] -= timed.seconds.at(c.name)[i];
  const double value = shown(ours, r.work);
  std::string share = "-";
  for (const contestant& c : r.contestants)
    if (c.role == role::limit && r.flop > 0)  // the limit's call is one GFLOP
      share =
          std::to_string(std::lround(100 * quantile(pairs(ours, timed.seconds.at(c.name), r.flop * 1e-9), 0.5))) + " %";

  const auto rounds = static_cast<int>(ours.size());
  int printed = 0;
  for (const contestant& c : r.contestants) {
    if (c.role != role::peer) continue;
    const std::vector<double>& others = timed.seconds.at(c.name);
    const std::vector<double> ratio = pairs(ours, others, 1);
    print(with, r,
          {three_digits(value), c.name, three_digits(shown(others, r.work)), three_digits(quantile(ratio, 0.5)),
           three_digits(quantile(ratio, 0.25)), three_digits(quantile(ratio, 0.75)), share},
          rounds);
    ++printed;
  }
  const std::string ratio = r.budget > 0 ? three_digits(r.unit.is_time ? r.budget / value : value / r.budget) : "-";
  if (r.budget > 0)
    print(with, r, {three_digits(value), "budget", three_digits(r.budget), ratio, "-", "-", share}, rounds);
  else if (printed == 0)
    print(with, r, {three_digits(value), "-", "-", "-", "-", "-", share}, rounds);
}

}  // namespace detail

// main() of a benchmark: `make` gives the rows, one after the other, so that no two hold memory at the same time.
inline int compete(int argc, char** argv, const std::vector<std::function<row()>>& make) {
  const inlay::thread_scope serial(1);
  const detail::options with = detail::parse(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  for (const auto& f : make) {
    const row r = f();
    if (r.name.find(with.only) == std::string::npos) continue;
    if (r.counted) {
      detail::report_counted(with, r);
      continue;
    }
    detail::check(r);
    detail::report(with, r, detail::take_turns(r, with.rounds));
  }
  if (with.table != nullptr) std::fclose(with.table);
  return 0;
}

}  // namespace bench
