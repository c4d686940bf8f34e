// What tests of models in files share: parts of models, bits of all members, and the text of a failure.
#pragma once

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <inlay/autograd/members.hpp>
#include <inlay/core/error.hpp>

#include "support.hpp"

namespace models {

using names = std::vector<std::string>;

struct norm {
  inlay::parameter<float> scale{inlay::tensor<float>({3}, 1)};
  inlay::buffer<float> mean{inlay::tensor<float>(inlay::shape{3})};
  inlay::buffer<std::int64_t> seen{inlay::tensor<std::int64_t>(inlay::shape{})};
  static void members(auto& self, auto&& visit) {
    visit("scale", self.scale);
    visit("mean", self.mean);
    visit("seen", self.seen);
  }
};

struct block {
  inlay::parameter<float> weight;
  inlay::parameter<float> bias;  // switched off: no cell
  std::int64_t groups = 1;
  std::optional<norm> after;
  explicit block(bool normed = false) : weight(inlay::tensor<float>({2, 3})) {
    if (normed) after.emplace();
  }
  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("groups", self.groups);
    visit("after", self.after);
  }
};

// f(cell) with the element type it has.
template <class F> void with_cell(const inlay::member& m, F f) {
  inlay::visit(m.cell->type, [&](auto zero) { f(static_cast<inlay::detail::cell<decltype(zero)>&>(*m.cell)); });
}

// Other bits in every member, whatever its type: NaNs of every kind among them.
template <class Model> void scramble(Model& model, std::uint64_t seed) {
  for (const inlay::member& m : inlay::members_of(model)) {
    if (m.of == inlay::member::kind::size) {
      *m.size = static_cast<std::int64_t>(support::noise(seed++) % 100);
      continue;
    }
    with_cell(m, [&]<class T>(inlay::detail::cell<T>& cell) {
      cell.write([&](std::span<T> to) {
        for (T& value : to) {
          const std::uint64_t bits = support::noise(seed++) & (std::is_same_v<T, bool> ? 1 : ~std::uint64_t{0});
          std::memcpy(&value, &bits, sizeof(T));
        }
      });
    });
  }
}

// Path and bits of every member.
template <class Model> std::map<std::string, std::string> bits_of(const Model& model) {
  std::map<std::string, std::string> out;
  for (const inlay::member& m : inlay::members_of(model)) {
    if (m.of == inlay::member::kind::size) {
      out[m.path] = std::to_string(*m.size);
    } else {
      with_cell(m, [&]<class T>(const inlay::detail::cell<T>& cell) {
        const std::span<const T> values = cell.typed().values();
        out[m.path] =
            cell.shape().text() + std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes());
      });
    }
  }
  return out;
}

template <class F> std::string failure(F f) {
  try {
    f();
    return "";
  } catch (const inlay::io_error& e) {
    return e.what();
  }
}

}  // namespace models
