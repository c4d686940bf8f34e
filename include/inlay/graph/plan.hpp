// graph::plan: a model made ready for one shape of input. Operations are fused (see fusion.hpp), weights packed,
// results laid out in one arena by how long they live; a call runs from any thread and, once warm, allocates nothing:
//   const graph::plan p{net, example};
//   tensor<float> y = p(x);                             // of the example's shape
//   p.run(std::span<const float>(in), std::span(out));  // on the host's arrays
// The weights are those the model had when the plan was made. A batch_norm folded into weights rounds otherwise than
// the model; everything else gives the model's bits, for any number of threads.
#pragma once

#include <chrono>

#include "executable.hpp"

namespace inlay::inline v0_1::graph {

namespace detail {

// Frames that wait for the next call. A thread takes one, or makes one when others have them all.
class frame_rack {
 public:
  frame_rack() = default;
  frame_rack(const frame_rack&) = delete;
  frame_rack& operator=(const frame_rack&) = delete;
  ~frame_rack() {
    for (auto& slot : slots_) delete slot.load();
  }

  std::unique_ptr<frame> take() noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      auto& slot = slots_[(own() + i) % count];
      if (slot.load(std::memory_order_relaxed) == nullptr) continue;
      if (frame* found = slot.exchange(nullptr, std::memory_order_acquire)) return std::unique_ptr<frame>(found);
    }
    return nullptr;
  }
  void give(std::unique_ptr<frame> back) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      frame* empty = nullptr;
      if (slots_[(own() + i) % count].compare_exchange_strong(empty, back.get(), std::memory_order_release,
                                                              std::memory_order_relaxed)) {
        (void)back.release();
        return;
      }
    }
  }

 private:
  static constexpr std::size_t count = 32;
  // Where a thread looks first: its stack and its variables lie pages apart from those of others.
  static std::size_t own() noexcept {
    static thread_local const char here = 0;
    return reinterpret_cast<std::uintptr_t>(&here) >> 12;
  }

  std::array<std::atomic<frame*>, count> slots_{};
};

}  // namespace detail

class plan {
 public:
  // Throws what recording the model throws.
  template <module M, element T> plan(const M& net, const tensor<T>& example) : plan(record(net, example)) {}
  template <module M, element... T>
  plan(const M& net, const std::tuple<tensor<T>...>& examples) : plan(record(net, examples)) {}

  // At the sizes of the record's example.
  explicit plan(const record& of) : level_(active_isa()), idle_(std::make_unique<detail::frame_rack>()) {
    detail::fusion fused(of);
    data_ = std::move(fused.data);
    inputs_ = std::move(fused.inputs);
    outputs_ = std::move(fused.outputs);
    lay_out(fused.nodes);
    for (std::size_t i = 0; i < fused.nodes.size(); ++i)
      if (fused.nodes[i].of != kind::view) add(fused.nodes[i], i);
  }

  // Results in the order of the model. Throws shape_error or type_error for inputs that are not the example's.
  std::vector<any_tensor> run(const std::vector<any_tensor>& inputs) const {
    if (inputs.size() != inputs_.size())
      throw value_error("plan", {"expected ", inputs_.size(), " inputs, got ", inputs.size()});
    std::vector<const void*> in;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      check(i, inputs[i].type(), inputs[i].shape());
      in.push_back(inputs[i].bytes().data());
    }
    std::vector<any_tensor> results;
    std::vector<void*> out;
    for (const std::int64_t id : outputs_)
      visit(at(id).type, [&](auto zero) {
        auto y = empty<decltype(zero)>(at(id).shape);
        out.push_back(inlay::detail::writable(y));
        results.emplace_back(std::move(y));
      });
    execute(in.data(), out.data());
    return results;
  }

  // For one input, and one result of its element type.
  template <element T> tensor<T> operator()(const tensor<T>& x) const {
    check_single(dtype_of<T>);
    check(0, dtype_of<T>, x.shape());
    tensor<T> y = tensor<T>::empty(at(outputs_[0]).shape);
    const void* in = x.data();
    void* out = inlay::detail::writable(y);
    execute(&in, &out);
    return y;
  }

  // The same on the host's arrays, which do not overlap. Throws value_error when they do not have as many elements as
  // the plan's tensors.
  template <element T> void run(std::span<const T> in, std::span<T> out) const {
    check_single(dtype_of<T>);
    const std::int64_t of_in = at(inputs_[0]).shape.size(), of_out = at(outputs_[0]).shape.size();
    if (std::cmp_not_equal(in.size(), of_in) || std::cmp_not_equal(out.size(), of_out)) [[unlikely]]
      throw value_error(
          "plan", {"expected ", of_in, " elements in and ", of_out, " out, got ", in.size(), " and ", out.size()});
    const void* from = in.data();
    void* to = out.data();
    execute(&from, &to);
  }

  struct timing {
    std::string path, operation, output;  // module, "conv2d + batch_norm + relu", "(1, 64, 56, 56)"
    double milliseconds = 0;
    std::int64_t multiply_adds = 0;
  };
  // What is run, in order, with the least time of `repeats` calls on inputs of zeros.
  std::vector<timing> profile(int repeats = 10) const {
    std::vector<any_tensor> zero;
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const auto* ids : {&inputs_, &outputs_})
      for (const std::int64_t id : *ids)
        visit(at(id).type, [&](auto of) {
          tensor<decltype(of)> values(at(id).shape);
          void* elements = inlay::detail::writable(values);
          ids == &inputs_ ? in.push_back(elements) : out.push_back(elements);
          zero.emplace_back(std::move(values));
        });
    std::vector<timing> times;
    for (const entry& e : steps_) times.push_back({e.path, e.text, e.output, 0, e.multiply_adds});
    for (int turn = 0; turn < repeats; ++turn) {
      std::size_t step = 0;
      auto start = std::chrono::steady_clock::now();
      execute(in.data(), out.data(), [&] {
        const auto now = std::chrono::steady_clock::now();
        const double took = std::chrono::duration<double, std::milli>(now - start).count();
        timing& t = times[step++];
        if (turn == 0 || took < t.milliseconds) t.milliseconds = took;
        start = std::chrono::steady_clock::now();
      });
    }
    return times;
  }

  std::size_t steps() const noexcept { return steps_.size(); }
  // Memory for results between the operations, of one call.
  std::int64_t arena_bytes() const noexcept { return arena_ * static_cast<std::int64_t>(sizeof(float)); }

 private:
  using kind = detail::node::kind;
  struct entry {
    std::unique_ptr<const detail::executable> what;
    std::string path, text, output;
    std::int64_t multiply_adds;
  };

  const detail::datum& at(std::int64_t id) const { return data_[static_cast<std::size_t>(id)]; }
  std::int64_t root(std::int64_t id) const { return roots_[static_cast<std::size_t>(id)]; }
  std::size_t& last(std::int64_t id) { return last_[static_cast<std::size_t>(root(id))]; }

  // Decides where each value lies.
  void lay_out(const std::vector<detail::node>& nodes) {
    roots_.resize(data_.size());
    for (std::size_t i = 0; i < roots_.size(); ++i) roots_[i] = static_cast<std::int64_t>(i);
    for (const detail::node& n : nodes)
      if (n.of == kind::view) roots_[static_cast<std::size_t>(n.result)] = root(n.operands[0]);
    find_last_uses(nodes);
    std::vector<std::size_t> made(data_.size(), never);  // by which node, in the arena or a result of the plan
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].of != kind::view && nodes[i].of != kind::operation)
        made[static_cast<std::size_t>(nodes[i].result)] = i;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].of == kind::sum) add_in_place(nodes[i], i, made);
    for (const std::int64_t id : outputs_) {
      const auto r = static_cast<std::size_t>(root(id));
      direct_.push_back(made[r] != never);  // the first of several on one memory
      made[r] = never;
    }
    place(made);
  }

  // The node that reads a value last; those that are results are read after all of them.
  void find_last_uses(const std::vector<detail::node>& nodes) {
    last_.assign(data_.size(), 0);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      last(nodes[i].result) = i;
      for (const std::int64_t id : nodes[i].operands) last(id) = i;
    }
    for (const std::int64_t id : outputs_) last(id) = nodes.size();
  }

  // A sum is written over an operand that nobody reads any more.
  void add_in_place(const detail::node& n, std::size_t here, std::vector<std::size_t>& made) {
    const std::int64_t result = n.result;
    for (const std::int64_t id : n.operands) {
      const std::int64_t over = root(id);
      if (made[static_cast<std::size_t>(over)] == never || last(id) != here) continue;
      made[static_cast<std::size_t>(result)] = never;
      last_[static_cast<std::size_t>(over)] = last_[static_cast<std::size_t>(result)];
      for (std::int64_t& r : roots_)
        if (r == result) r = over;
      return;
    }
  }

  // Offsets in the arena: the largest first, each at the lowest place that nothing of its time takes.
  void place(const std::vector<std::size_t>& made) {
    struct piece {
      std::size_t id, first, last;
      std::int64_t size, offset = 0;
    };
    std::vector<piece> pieces, placed;
    offsets_.assign(data_.size(), -1);
    for (std::size_t i = 0; i < data_.size(); ++i)
      if (made[i] != never) pieces.push_back({i, made[i], last_[i], (data_[i].shape.size() + 15) / 16 * 16});
    std::stable_sort(pieces.begin(), pieces.end(), [](const piece& a, const piece& b) { return a.size > b.size; });
    for (piece& p : pieces) {
      for (const piece& other : placed)  // by offset
        if (other.first <= p.last && p.first <= other.last && other.offset < p.offset + p.size &&
            p.offset < other.offset + other.size)
          p.offset = other.offset + other.size;
      offsets_[p.id] = p.offset;
      arena_ = std::max(arena_, p.offset + p.size);
      placed.insert(std::upper_bound(placed.begin(), placed.end(), p,
                                     [](const piece& a, const piece& b) { return a.offset < b.offset; }),
                    p);
    }
  }

  void add(const detail::node& n, std::size_t here) {
    std::vector<std::int64_t> read, dying;
    for (const std::int64_t id : n.operands) {
      read.push_back(root(id));
      if (last(id) == here) dying.push_back(root(id));
    }
    detail::node placed = n;
    placed.result = root(n.result);
    std::unique_ptr<const detail::executable> what;
    if (n.of == kind::product)
      what = std::make_unique<detail::product>(placed, read[0], data_);
    else if (n.of == kind::convolution)
      what = std::make_unique<detail::convolution>(placed, read[0], data_);
    else if (n.of == kind::sum)
      what = std::make_unique<detail::sum>(placed, read, data_);
    else
      what = std::make_unique<detail::general>(placed, read, std::move(dying), data_);
    steps_.push_back({std::move(what), n.path, n.text, at(n.result).shape.text(), n.multiply_adds});
  }

  std::unique_ptr<detail::frame> make_frame() const {
    auto out = std::make_unique<detail::frame>();
    out->arena = tensor<float>::empty({arena_});
    out->at.assign(data_.size(), nullptr);
    out->made.resize(data_.size(), any_tensor(tensor<float>()));
    out->operands.reserve(16);
    const float* arena = inlay::detail::writable(out->arena);
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const std::optional<any_tensor>& constant = data_[i].constant;
      if (offsets_[i] >= 0)
        out->at[i] = arena + offsets_[i];
      else if (constant && constant->representation() == nullptr)
        out->at[i] = constant->bytes().data();
    }
    return out;
  }

  // From and to elements in memory; after(): after each step.
  template <class After> void execute(const void* const* in, void* const* out, const After& after) const {
    const isa_scope level(level_);                   // for which weights are packed
    const inlay::detail::flush_denormals denormals;  // once, not for each kernel
    std::unique_ptr<detail::frame> on = idle_->take();
    if (on == nullptr) on = make_frame();
    for (std::size_t i = 0; i < inputs_.size(); ++i) on->at[static_cast<std::size_t>(inputs_[i])] = in[i];
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (direct_[i]) on->at[static_cast<std::size_t>(root(outputs_[i]))] = out[i];
    for (const entry& e : steps_) {
      e.what->run(*on);
      after();
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const auto bytes = static_cast<std::size_t>(at(outputs_[i]).shape.size() * size_of(at(outputs_[i]).type));
      if (!direct_[i] && bytes > 0) std::memcpy(out[i], on->at[static_cast<std::size_t>(root(outputs_[i]))], bytes);
    }
    idle_->give(std::move(on));
  }
  void execute(const void* const* in, void* const* out) const {
    execute(in, out, [] {});
  }

  void check(std::size_t i, dtype type, const shape& sizes) const {
    const detail::datum& wanted = at(inputs_[i]);
    if (type != wanted.type) [[unlikely]]
      throw type_error("plan", {"expected input ", i, " of ", name(wanted.type), ", got ", name(type)});
    if (!(sizes == wanted.shape)) [[unlikely]]
      throw shape_error("plan", {"expected input ", i, " of ", wanted.shape, ", got ", sizes,
                                 "; a plan has one shape, make another for other sizes"});
  }
  void check_single(dtype type) const {
    if (inputs_.size() != 1 || outputs_.size() != 1) [[unlikely]]
      throw state_error("plan", {"expected a model with one input and one result, got ", inputs_.size(), " and ",
                                 outputs_.size(), "; use run() with vectors"});
    if (at(inputs_[0]).type != type || at(outputs_[0]).type != type) [[unlikely]]
      throw type_error("plan", {"expected ", name(at(inputs_[0]).type), " in and ", name(at(outputs_[0]).type),
                                " out, got ", name(type), "; use run() with vectors"});
  }

  static constexpr std::size_t never = static_cast<std::size_t>(-1);

  std::vector<detail::datum> data_;
  std::vector<std::int64_t> inputs_, outputs_;
  std::vector<bool> direct_;           // of outputs: written by the step that makes them
  std::vector<std::int64_t> roots_;    // the value on whose memory each lies
  std::vector<std::int64_t> offsets_;  // in the arena, or -1
  std::vector<std::size_t> last_;
  std::vector<entry> steps_;
  std::int64_t arena_ = 0;
  isa level_;
  std::unique_ptr<detail::frame_rack> idle_;
};

}  // namespace inlay::inline v0_1::graph
