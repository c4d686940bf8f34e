// What takes part in a row: ours, a peer, or a limit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// limit: what the machine can do at best. part: work that ours contains and the row does not count; taken off its time.
enum class role { ours, peer, limit, part };

// What a call computed, as far as it is compared: the outputs, or some elements of each.
using results = std::vector<std::vector<float>>;

struct contestant {
  std::string name;
  std::function<void()> call = {};       // what is timed
  std::function<results()> result = {};  // of the last call; must agree with the row's
  std::function<void()> restart = {};    // before a turn and before the check
  std::function<void()> prepare = {};    // before each call, not timed
  bench::role role = bench::role::peer;
  std::optional<double> target = {};    // our time over its; empty: the row's, 0: it is only shown
  double calls = 1;                     // of a limit: as many of its calls are the least that ours can take
  std::optional<double> of_limit = {};  // in place of a call: its time in calls of the row's limit,
  std::optional<double> seconds = {};   // or a constant
};

// A few thousand elements, spread over all of an array.
inline std::vector<float> sampled(const float* values, std::int64_t size) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < size; i += size / 2000 + 1) out.push_back(values[i]);
  return out;
}

// The compiler must assume that memory was read and written.
inline void touch_memory() { asm volatile("" ::: "memory"); }

}  // namespace bench
