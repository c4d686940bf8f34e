// Rows of contestants that take turns: Google Benchmark runs each for a moment, round after round, so that whatever
// else the machine does hits all of them alike. Results must agree before anything is timed; a row's ratio is the
// median over the rounds of (our time / the peer's time in the same round), so below 1 inlay is faster. On one thread
// time is the processor time of the process: being preempted does not count. On more it is the clock's, and of a turn
// its quickest part: when one thread is preempted the others wait for it.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <inlay/core/threads.hpp>

#include "contestant.hpp"

namespace bench {

struct row {
  std::vector<contestant> contestants;  // ours first
  double target = 0;                    // our time over a peer's, at most; 0: none
  double units = 1;                     // steps or operations in a call: times are shown for one of them
  double work = 0;                      // of a unit, for a rate: work per second
  const char* rate = "";
  results expected = {};    // empty: what the first contestant computes
  double tolerance = 1e-4;  // relative to the largest expected value of an output,
  double least = 0;         // or to this where it is larger: what is 0 but for rounding
};

// A number that no clock is needed for.
struct count {
  double value, budget;
  const char* unit;
};

// Rows that --quick leaves out.
inline constexpr bool slow = true;

inline std::string three_digits(double value) {
  char text[32];
  const int digits = value <= 0 ? 0 : std::clamp(2 - static_cast<int>(std::floor(std::log10(value))), 0, 9);
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

class race {
 public:
  // Flags: --threads=N  --rounds=N  --seconds=S, the least of a turn  --only=TEXT, of names of rows  --quick, without
  // slow rows  --table=FILE, tab-separated, for bench/run.  Others are left to `setting`.
  race(int argc, char** argv) : arguments_(argv + 1, argv + argc) {
    threads_ = std::max(1, std::atoi(setting("threads", "1").c_str()));
    rounds_ = std::max(1, std::atoi(setting("rounds", "9").c_str()));
    seconds_ = std::atof(setting("seconds", "0.02").c_str());
    only_ = setting("only", "");
    quick_ = std::find(arguments_.begin(), arguments_.end(), "--quick") != arguments_.end();
    if (const std::string path = setting("table", ""); !path.empty()) {
      table_ = std::fopen(path.c_str(), "w");
      if (table_ == nullptr) std::perror(path.c_str()), std::exit(1);
    }
    scope_.emplace(threads_);
#ifdef _OPENMP
    omp_set_num_threads(threads_);  // for the peers
#endif
  }
  ~race() {
    if (table_ != nullptr) std::fclose(table_);
  }
  race(const race&) = delete;
  race& operator=(const race&) = delete;

  int threads() const { return threads_; }

  // The value of --name=value.
  std::string setting(const std::string& name, const std::string& otherwise) const {
    for (const std::string& a : arguments_)
      if (a.starts_with("--" + name + "=")) return a.substr(name.size() + 3);
    return otherwise;
  }

  // `make` is called for rows that are wanted, one after the other: no two hold memory at the same time.
  void row(const std::string& name, const std::function<bench::row()>& make, bool is_slow = false) {
    if (!wanted(name, is_slow)) return;
    const bench::row r = make();
    check(name, r);
    report(name, r, take_turns(r));
  }

  void row(const std::string& name, const std::function<count()>& make) {
    if (threads_ > 1 || !wanted(name, false)) return;
    const count c = make();
    std::printf("%-44s %s %s, budget %s\n", name.c_str(), three_digits(c.value).c_str(), c.unit,
                three_digits(c.budget).c_str());
    if (table_ != nullptr) std::fprintf(table_, "count\t%s\t%g\t%g\t%s\n", name.c_str(), c.value, c.budget, c.unit);
  }

 private:
  using times = std::vector<std::vector<double>>;  // seconds of a call: of each contestant, in each round

  bool wanted(const std::string& name, bool is_slow) const {
    return name.find(only_) != std::string::npos && !(quick_ && is_slow);
  }

  static double seconds_of(clockid_t clock) {
    std::timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  double now() const { return seconds_of(threads_ == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC); }

  static void check(const std::string& name, const bench::row& r) {
    results expected = r.expected;
    for (const contestant& c : r.contestants) {
      if (!c.result) continue;
      if (c.restart) c.restart();
      if (c.prepare) c.prepare();
      c.call();
      const results got = c.result();
      if (expected.empty()) expected = got;
      for (std::size_t i = 0; i < std::max(got.size(), expected.size()); ++i) {
        const bool both = i < got.size() && i < expected.size() && got[i].size() == expected[i].size();
        double largest = 0, worst = both ? 0 : INFINITY;
        for (std::size_t j = 0; both && j < got[i].size(); ++j) {
          const double value = expected[i][j], off = std::abs(static_cast<double>(got[i][j]) - value);
          largest = std::max(largest, std::abs(value));
          if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off;
        }
        if (worst <= r.tolerance * std::max(largest, r.least)) continue;
        std::fprintf(stderr, "%s: result %zu of %s is off by %g of %g; nothing was timed\n", name.c_str(), i,
                     c.name.c_str(), worst, largest);
        std::exit(1);
      }
    }
  }

  double timed(const contestant& c, std::int64_t calls) const {
    if (!c.prepare) {
      const double start = now();
      for (std::int64_t i = 0; i < calls; ++i) c.call();
      return now() - start;
    }
    double sum = 0;
    for (std::int64_t i = 0; i < calls; ++i) {
      c.prepare();
      const double start = now();
      c.call();
      sum += now() - start;
    }
    return sum;
  }

  // How often a turn calls, in parts that the clock can tell.
  struct turn {
    std::int64_t parts, calls;
  };
  // The first calls warm up.
  turn turn_of(const contestant& c) const {
    if (c.restart) c.restart();
    timed(c, 1);
    double each = 0;
    for (std::int64_t calls = 1; each * static_cast<double>(calls) < seconds_ / 4; calls *= 4)
      each = timed(c, calls) / static_cast<double>(calls);
    const double least = threads_ == 1 ? 1 : 3;  // threads must be awake, and one of them may be preempted
    const auto calls = static_cast<std::int64_t>(std::max(least, seconds_ / each));
    const std::int64_t parts = threads_ == 1 ? 1 : std::clamp<std::int64_t>(std::llround(seconds_ / 1e-4), 1, calls);
    return {parts, calls / parts};
  }

  // Threads of the turn before spin for a while, some for 20 ms, and would take this turn's cores: waits for their end.
  static void settle() {
    const std::timespec nap{0, 2'000'000};
    for (int tries = 0; tries < 50; ++tries) {
      const double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
      nanosleep(&nap, nullptr);
      if (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before < 2e-4) return;
    }
  }

  // Seconds of a call.
  double take(const contestant& c, const turn& t) const {
    if (threads_ > 1) settle();
    if (c.restart) c.restart();
    // Its memory comes back into the caches; threads wake and are given cores of their own, which takes milliseconds.
    if (c.restart || t.parts * t.calls > 3) timed(c, 1);
    for (const double start = now(); threads_ > 1 && now() < start + seconds_ / 4;) timed(c, 1);
    double least = INFINITY;
    const auto iterate = [&](benchmark::State& state) {
      for (auto _ : state) {
        const double seconds = timed(c, t.calls);
        state.SetIterationTime(seconds);
        least = std::min(least, seconds / static_cast<double>(t.calls));
      }
    };
    benchmark::RegisterBenchmark(c.name.c_str(), iterate)->UseManualTime()->Iterations(t.parts);
    silent reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter, ".");
    benchmark::ClearRegisteredBenchmarks();
    return least;
  }

  // Rows print what they need themselves.
  class silent final : public benchmark::BenchmarkReporter {
   public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>&) override {}
  };

  times take_turns(const bench::row& r) const {
    const std::size_t many = r.contestants.size();
    times out(many);
    std::vector<turn> turns;
    for (const contestant& c : r.contestants) turns.push_back(c.call ? turn_of(c) : turn{});
    for (int round = 0; round < rounds_; ++round)
      for (std::size_t place = 0; place < many; ++place) {
        const std::size_t i = (place + static_cast<std::size_t>(round)) % many;  // nobody always follows the same one
        if (r.contestants[i].call) out[i].push_back(take(r.contestants[i], turns[i]));
      }
    for (std::size_t i = 0; i < many; ++i) {
      const contestant& c = r.contestants[i];
      if (c.seconds) out[i].assign(out[0].size(), *c.seconds * r.units);
      if (c.of_limit) out[i] = scaled(limit_of(r, out).seconds, *c.of_limit * r.units);
      if (c.role != role::part) continue;
      for (std::size_t k = 0; k < out[0].size(); ++k) out[0][k] -= out[i][k];
    }
    return out;
  }

  struct limit_times {
    std::vector<double> seconds;
    double calls = 0;
  };
  static limit_times limit_of(const bench::row& r, const times& timed) {
    for (std::size_t i = 0; i < timed.size(); ++i)
      if (r.contestants[i].role == role::limit) return {timed[i], r.contestants[i].calls};
    return {};
  }

  static std::vector<double> scaled(std::vector<double> values, double factor) {
    for (double& v : values) v *= factor;
    return values;
  }
  static std::vector<double> quotients(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> out;
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a[i] / b[i]);
    return out;
  }
  static double quantile(std::vector<double> values, double at) {
    std::sort(values.begin(), values.end());
    const double place = at * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  }
  static double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

  // The peer that is hardest to satisfy; without any target the quickest one.
  static std::optional<std::size_t> best_peer(const bench::row& r, const times& timed) {
    const auto aims = [&](const contestant& c) { return c.role == role::peer && c.target.value_or(r.target) > 0; };
    const bool judged = std::any_of(r.contestants.begin(), r.contestants.end(), aims);
    std::optional<std::size_t> best;
    double most = 0;
    for (std::size_t i = 0; i < timed.size(); ++i) {
      const contestant& c = r.contestants[i];
      const double target = c.target.value_or(r.target);
      if (c.role != role::peer || (judged && !aims(c))) continue;
      const double ratio = median(quotients(timed[0], timed[i])) / (target > 0 ? target : 1);
      if (best && ratio <= most) continue;
      best = i, most = ratio;
    }
    return best;
  }

  struct line {
    std::string peer = "-", peers_ms = "-", peers_rate = "-", ratio = "-", low = "-", high = "-", target = "-";
    bool best = true;
  };

  void report(const std::string& name, const bench::row& r, const times& timed) const {
    const double ours = median(timed[0]) / r.units;
    const auto rate = [&](double seconds) {
      return r.work > 0 ? three_digits(r.work / seconds) + " " + r.rate : std::string("-");
    };
    std::string share = "-";
    if (const limit_times limit = limit_of(r, timed); limit.calls > 0)
      share = three_digits(limit.calls * median(quotients(limit.seconds, timed[0])));
    const std::optional<std::size_t> best = best_peer(r, timed);
    for (std::size_t i = 0; i < timed.size(); ++i) {
      const contestant& c = r.contestants[i];
      if (c.role != role::peer) continue;
      const double theirs = median(timed[i]) / r.units, target = c.target.value_or(r.target);
      const std::vector<double> ratios = quotients(timed[0], timed[i]);
      print(name, ours, rate(ours), share,
            {c.name, milliseconds(theirs), rate(theirs), three_digits(median(ratios)),
             three_digits(quantile(ratios, 0.25)), three_digits(quantile(ratios, 0.75)),
             target > 0 ? three_digits(target) : "-", best == i});
    }
    if (!best) print(name, ours, rate(ours), share, {});
  }

  static std::string milliseconds(double seconds) { return three_digits(1e3 * seconds); }

  void print(const std::string& name, double ours, const std::string& rate, const std::string& share,
             const line& l) const {
    std::printf("%c %-44s %9s ms  %-36s", l.best ? '*' : ' ', name.c_str(), milliseconds(ours).c_str(), l.peer.c_str());
    if (l.ratio != "-")
      std::printf(" %9s ms  %s (%s to %s)", l.peers_ms.c_str(), l.ratio.c_str(), l.low.c_str(), l.high.c_str());
    if (l.target != "-")
      std::printf("  target %s%s", l.target.c_str(),
                  std::atof(l.ratio.c_str()) <= std::atof(l.target.c_str()) ? "" : " MISSED");
    if (l.best && rate != "-") std::printf("  %s", rate.c_str());
    if (l.best && share != "-") std::printf("  %s of the limit", share.c_str());
    std::printf("\n");
    std::fflush(stdout);
    if (table_ == nullptr) return;
    const std::string ms = milliseconds(ours);
    std::fprintf(table_, "time\t%s\t%d\t%s", name.c_str(), threads_, inlay::name(inlay::active_isa()));
    for (const std::string& cell : {ms, rate, l.peer, l.peers_ms, l.peers_rate, l.ratio, l.low, l.high, l.target, share,
                                    std::string(l.best ? "best" : "-")})
      std::fprintf(table_, "\t%s", cell.c_str());
    std::fprintf(table_, "\n");
    std::fflush(table_);
  }

  std::vector<std::string> arguments_;
  int threads_ = 1, rounds_ = 9;
  double seconds_ = 0.02;
  std::string only_;
  bool quick_ = false;
  std::FILE* table_ = nullptr;
  std::optional<inlay::thread_scope> scope_;
};

}  // namespace bench
