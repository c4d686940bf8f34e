// Structured pruning: channels leave a layer, and everything that was there for them leaves with them: biases,
// statistics, the inputs of the layers behind, the optimiser's state. The model is smaller and faster afterwards, and
// computes what it would with those channels at zero.
//   auto weak = compress::smallest_channels(net.conv.weight.value(), 4);
//   compress::remove_channels(net, images, "conv", weak);
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "../graph/record.hpp"

namespace inlay::inline v0_1::compress {

struct prune_report {
  struct row {
    std::string path;
    inlay::shape before, after;
  };
  std::vector<row> rows;  // every weight and buffer that shrank

  // "conv.weight: (16, 1, 3, 3) -> (12, 1, 3, 3)"
  std::string text() const;
};

INLAY_COLD inline std::string prune_report::text() const {
  std::string out;
  for (const row& r : rows) out += r.path + ": " + r.before.text() + " -> " + r.after.text() + "\n";
  return out;
}

namespace detail {

// Indices along an axis that stay.
class kept_indices final : public selection {
 public:
  kept_indices(int axis, std::vector<std::int64_t> kept) : axis_(axis), kept_(std::move(kept)) {}
  int axis() const noexcept { return axis_; }
  const std::vector<std::int64_t>& kept() const noexcept { return kept_; }
  friend bool operator==(const kept_indices& a, const kept_indices& b) {
    return a.axis_ == b.axis_ && a.kept_ == b.kept_;
  }

  void apply(tensor<float>& t) const override { take(t); }
  void apply(tensor<double>& t) const override { take(t); }

 private:
  template <class T> void take(tensor<T>& t) const {
    if (t.size() == 0) return;  // state that was never needed
    const std::int64_t size = t.dim(axis_), inner = t.shape().count(axis_ + 1, t.rank()),
                       outer = t.shape().count(0, axis_);
    tensor<T> out = empty<T>(t.shape().with(axis_, static_cast<std::int64_t>(kept_.size())));
    T* to = inlay::detail::writable(out);
    for (std::int64_t i = 0; i < outer; ++i)
      for (const std::int64_t index : kept_)
        to = std::copy_n(std::as_const(t).data() + (i * size + index) * inner, inner, to);
    t = std::move(out);
  }

  int axis_;
  std::vector<std::int64_t> kept_;
};

// Follows the channels of a layer through what was recorded, and notes which part of every weight stays. Nothing is
// changed before all of it is known.
class channel_removal {
 public:
  using part = std::shared_ptr<const kept_indices>;

  channel_removal(const graph::record& of, std::string_view path, const std::vector<std::int64_t>& removed)
      : record_(of), parts_(of.values().size()) {
    start(path, removed);
    for (std::size_t i = 0; i < reached_.size(); ++i)
      for (const graph::step& s : of.steps())
        if (std::count(s.operands.begin(), s.operands.end(), reached_[i]) > 0) pass(s, reached_[i]);
    check();
  }

  prune_report apply() const {
    prune_report out;
    for (const auto& [id, kept] : weights_) {
      const graph::value& v = record_.values()[static_cast<std::size_t>(id)];
      const shape before = v.cell->shape();
      v.cell->take_out(kept);
      out.rows.push_back({v.path, before, v.cell->shape()});
    }
    return out;
  }

 private:
  const graph::value& value(std::int64_t id) const { return record_.values()[static_cast<std::size_t>(id)]; }

  void start(std::string_view path, const std::vector<std::int64_t>& removed) {
    const std::string weight = std::string(path) + ".weight";
    for (const graph::step& s : record_.steps()) {
      if (s.op->represented_operand() != 1 || value(s.operands[1]).path != weight) continue;
      const shape& sizes = value(s.operands[1]).shape;
      const bool linear = sizes.rank() == 2;
      if (groups(s) != 1) refuse(s, "has groups");
      const auto kept = std::make_shared<const kept_indices>(0, others(sizes[0], removed));
      take_weights(s, kept);
      reach(s, s.result,
            std::make_shared<const kept_indices>(linear ? value(s.result).shape.rank() - 1 : 1, kept->kept()));
    }
    if (reached_.empty())
      throw value_error("remove_channels", {"expected the path of a dense or convolution layer, got ", path});
  }

  static std::vector<std::int64_t> others(std::int64_t size, const std::vector<std::int64_t>& removed) {
    std::vector<bool> gone(static_cast<std::size_t>(size));
    for (const std::int64_t channel : removed) {
      if (channel < 0 || channel >= size || gone[static_cast<std::size_t>(channel)])
        throw value_error("remove_channels", {"expected channels from 0 to ", size - 1, ", each once, got ", channel});
      gone[static_cast<std::size_t>(channel)] = true;
    }
    std::vector<std::int64_t> kept;
    for (std::int64_t channel = 0; channel < size; ++channel)
      if (!gone[static_cast<std::size_t>(channel)]) kept.push_back(channel);
    if (kept.empty()) throw value_error("remove_channels", {"expected a channel that stays, got ", size, " to remove"});
    return kept;
  }

  // What an operation makes of operand `id`, of which a part stays.
  void pass(const graph::step& s, std::int64_t id) {
    const std::string_view name = s.op->name();
    const part kept = parts_[static_cast<std::size_t>(id)];
    const shape& sizes = value(id).shape;
    const bool channels = kept->axis() == 1 && sizes.rank() >= 2, main = s.operands[0] == id;
    if (s.op->represented_operand() == 1 && main) {
      const shape& w = value(s.operands[1]).shape;
      if (w.rank() == 2 ? kept->axis() != sizes.rank() - 1 : !channels) return refuse(s, "mixes them");
      if (groups(s) == 1) return take(s.operands[1], std::make_shared<const kept_indices>(1, kept->kept()));
      depthwise(s, w, kept);
    } else if (name == "batch_norm" && main && channels) {
      take_weights(s, std::make_shared<const kept_indices>(0, kept->kept()));
      reach(s, s.result, kept);
    } else if (s.op->elementwise() || (name.find("_pool") != name.npos && channels)) {
      for (const std::int64_t operand : s.operands) same(s, operand, *kept);
      reach(s, s.result, kept);
    } else if (name == "flatten") {
      flatten(s, sizes, *kept);
    } else if (name == "sum" || name == "mean" || name == "max") {
      reduce(s, sizes, *kept);
    } else {
      refuse(s, "is not known to keep them apart");
    }
  }

  // Every operand of an elementwise operation loses the same, or is repeated along that axis.
  void same(const graph::step& s, std::int64_t id, const kept_indices& kept) {
    const shape& sizes = value(id).shape;
    const int axis = kept.axis() - (value(s.result).shape.rank() - sizes.rank());
    if (axis < 0 || sizes[axis] == 1) return;
    const auto own = std::make_shared<const kept_indices>(axis, kept.kept());
    if (value(id).of == graph::value::kind::cell)
      take(id, own);
    else
      meeting_.push_back({&s, id, own});
  }

  void depthwise(const graph::step& s, const shape& w, const part& kept) {
    const std::int64_t each = w[0] / groups(s);
    if (w[1] != 1) return refuse(s, "has groups of several channels");
    std::vector<std::int64_t> outputs;
    for (const std::int64_t channel : kept->kept())
      for (std::int64_t i = 0; i < each; ++i) outputs.push_back(channel * each + i);
    const auto first = std::make_shared<const kept_indices>(0, outputs);
    take_weights(s, first);
    reach(s, s.result, std::make_shared<const kept_indices>(1, outputs));
  }

  void flatten(const graph::step& s, const shape& sizes, const kept_indices& kept) {
    const int first = sizes.rank() == 1 ? 0 : sizes.index(attribute(s, "first")),
              last = sizes.index(attribute(s, "last"));
    const int axis = kept.axis();
    if (axis < first || axis > last)
      return reach(s, s.result,
                   std::make_shared<const kept_indices>(axis < first ? axis : axis - last + first, kept.kept()));
    const std::int64_t inner = sizes.count(axis + 1, last + 1), outer = sizes.count(first, axis);
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < outer; ++i)
      for (const std::int64_t index : kept.kept())
        for (std::int64_t j = 0; j < inner; ++j) all.push_back((i * sizes[axis] + index) * inner + j);
    reach(s, s.result, std::make_shared<const kept_indices>(first, std::move(all)));
  }

  void reduce(const graph::step& s, const shape& sizes, const kept_indices& kept) {
    const shape& result = value(s.result).shape;
    const bool keeps = result.rank() == sizes.rank();
    int before = 0;
    bool any = false;
    for (const graph::detail::attribute& a : graph::detail::attribute_reader(*s.op).seen)
      if (a.name == "axes") {
        const int axis = sizes.index(a.integer);
        if (axis == kept.axis()) return refuse(s, "mixes them");
        before += axis < kept.axis();
        any = true;
      }
    if (!any) return refuse(s, "mixes them");
    reach(s, s.result, std::make_shared<const kept_indices>(keeps ? kept.axis() : kept.axis() - before, kept.kept()));
  }

  static std::int64_t attribute(const graph::step& s, std::string_view name) {
    for (const graph::detail::attribute& a : graph::detail::attribute_reader(*s.op).seen)
      if (a.name == name) return a.integer;
    return 1;
  }
  static std::int64_t groups(const graph::step& s) { return attribute(s, "groups"); }

  // Of everything an operation reads beside its input, a part of the first axis stays.
  void take_weights(const graph::step& s, const part& kept) {
    for (std::size_t i = 1; i < s.operands.size(); ++i) take(s.operands[i], kept);
  }

  // A part of a weight or buffer stays.
  void take(std::int64_t id, const part& kept) {
    const graph::value& v = value(id);
    if (v.shape.size() == 0) return;  // a bias that was switched off
    if (v.of != graph::value::kind::cell)
      throw state_error("remove_channels",
                        {"expected weights and statistics of the model, got ", v.shape, " from outside"});
    const any_tensor now = inlay::detail::value_of(*v.cell);
    if (now.representation() != nullptr)
      throw state_error("remove_channels",
                        {v.path, " is ", now.representation()->name(), "; prune first, then quantise"});
    const auto [known, added] = weights_.emplace(id, kept);
    if (!added && !(*known->second == *kept))
      throw state_error("remove_channels", {v.path, " is read in several places that would lose different channels"});
  }

  void reach(const graph::step& s, std::int64_t id, const part& kept) {
    part& known = parts_[static_cast<std::size_t>(id)];
    if (known && !(*known == *kept)) return refuse(s, "gets different channels from its operands");
    if (known) return;
    known = kept;
    reached_.push_back(id);
  }

  // What meets in an operation lost the same; what shrinks is read nowhere else; the result keeps its shape.
  void check() const {
    for (const auto& [s, id, kept] : meeting_) {
      const part& known = parts_[static_cast<std::size_t>(id)];
      if (!known || !(*known == *kept)) refuse(*s, "needs them from another operand");
    }
    for (const graph::step& s : record_.steps())
      for (const std::int64_t id : s.operands)
        if (weights_.count(id) > 0 && !parts_[static_cast<std::size_t>(s.operands[0])] &&
            !parts_[static_cast<std::size_t>(s.result)])
          refuse(s, "reads the same weight");
    for (const std::int64_t id : record_.outputs())
      if (parts_[static_cast<std::size_t>(id)])
        throw value_error("remove_channels", {"expected channels inside the model, got those of its result"});
  }

  [[noreturn]] INLAY_COLD static void refuse(const graph::step& s, const char* why) {
    throw state_error("remove_channels", {"expected to follow the channels through the model, but ", s.op->name(),
                                          s.path.empty() ? "" : " in ", s.path, " ", why});
  }

  struct meeting {
    const graph::step* at;
    std::int64_t operand;
    part kept;
  };

  const graph::record& record_;
  std::vector<part> parts_;               // by value; null: nothing was taken out
  std::vector<std::int64_t> reached_;     // values of which a part stays
  std::map<std::int64_t, part> weights_;  // by value
  std::vector<meeting> meeting_;
};

}  // namespace detail

// Takes output channels out of the dense or convolution layer of this path, whatever stands between it and the layers
// that read it: activations, pooling, batch normalisation, depthwise convolution, flatten, sums over other axes.
// Nothing is changed when the channels cannot be followed: state_error names the operation. Throws value_error for a
// path or channels that do not exist, and what recording throws.
template <module M, element T>
prune_report remove_channels(M& net, const tensor<T>& example, std::string_view path,
                             const std::vector<std::int64_t>& channels) {
  const graph::record of(net, example);
  return detail::channel_removal(of, path, channels).apply();
}

// The `count` output channels of a weight (out, …) whose elements have the smallest sum of |w|^power: 1 as in Li et
// al., Pruning Filters for Efficient ConvNets, 2017. Throws value_error when there are not so many.
template <floating T>
std::vector<std::int64_t> smallest_channels(const tensor<T>& weight, std::int64_t count, double power = 1) {
  const std::int64_t channels = weight.rank() == 0 ? 0 : weight.dim(0),
                     each = channels == 0 ? 0 : weight.size() / channels;
  if (count < 0 || count > channels)
    throw value_error("smallest_channels", {"expected 0 to ", channels, " channels, got ", count});
  std::vector<double> sums;
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::int64_t i = 0; i < each; ++i)
      sum += std::pow(std::abs(static_cast<double>(weight.data()[c * each + i])), power);
    sums.push_back(sum);
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(channels));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return sums[static_cast<std::size_t>(a)] < sums[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace inlay::inline v0_1::compress
