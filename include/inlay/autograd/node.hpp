// The recorded graph: nodes that hold a gradient while it is being gathered, and the walk from a result back to the
// leaves. No recursion anywhere: a chain of any length is walked and freed with constant stack.
#pragma once

#include "../kernels/elementwise.hpp"
#include "cell.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// a += b, in place when nobody else has a's memory.
template <class T> void add_into(tensor<T>& a, const tensor<T>& b) {
  if (a.add_represented(b)) [[unlikely]]
    return;
  const T* left = std::as_const(a).data();  // stays valid: `out` either takes this memory or leaves it to `a`
  const bool in_place = a.writable_in_place();
  tensor<T> out = in_place ? std::move(a) : tensor<T>::empty(a.shape());
  T* to = writable(out);
  const isa level = active_isa();
  parallel_for(out.size(), 1 << 15, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::map<kernels::add, T>>(level, last - first, to + first, kernels::add{}, left + first,
                                            b.data() + first);
  });
  a = std::move(out);
}

// What one backward pass has found out so far.
struct backward_pass {
  counted<cell_base> stray;  // a weight that got a gradient and that no optimiser lists
};

// One recorded step, or a leaf. Its inputs are the nodes that its gradient is passed on to.
// A graph belongs to one thread at a time, so owners are counted without atomics. Kinds of nodes are many, and every
// function of each is compiled: they end themselves, as a virtual destructor would be two functions.
class node : public from_pool {
 public:
  virtual void end() noexcept = 0;                       // deletes it
  virtual void propagate(backward_pass& pass) = 0;       // passes its gradient on (a leaf: keeps it)
  virtual void settle(const backward_pass&) noexcept {}  // the pass is over
  virtual void abandon() noexcept = 0;                   // the pass failed: drops a half-gathered gradient
  virtual void forget() noexcept {}                      // drops what backward needed, and the inputs
  virtual std::span<node* const> inputs() const noexcept { return {}; }

  void acquire() noexcept { ++owners_; }
  void release() noexcept {
    if (--owners_ == 0) destroy(this);
  }

  void run_backward(bool keep_graph);

 protected:
  ~node() = default;

  INLAY_OUTLINE static void acquire_all(std::span<node* const> inputs) noexcept {
    for (node* input : inputs)
      if (input != nullptr) input->acquire();
  }
  INLAY_OUTLINE static void release_all(std::span<node*> inputs) noexcept {
    for (node*& input : inputs)
      if (input != nullptr) std::exchange(input, nullptr)->release();
  }

  bool spent_ = false;  // a step whose inputs and kept values were dropped by an earlier backward()

 private:
  static void destroy(node* first) noexcept {
    first->next_ = nullptr;
    for (node* list = first; list != nullptr;) {
      node* dead = std::exchange(list, list->next_);
      for (node* input : dead->inputs())
        if (input != nullptr && --input->owners_ == 0) input->next_ = std::exchange(list, input);
      dead->end();
    }
  }

  std::uint32_t owners_ = 0;
  std::uint32_t waiting_for_ = 0;  // consumers that have not passed on their part of the gradient yet
  node* next_ = nullptr;           // among the nodes reached, or those to destroy
  node* next_ready_ = nullptr;
};

// Runs every node between this one and the leaves once, consumers first. The gradient of this one must be there.
INLAY_OUTLINE inline void node::run_backward(bool keep_graph) {
  // Count the consumers of each node that can be reached, and hold it until the end.
  node *reached = nullptr, *last = nullptr;
  bool released = false;
  const auto reach = [&](node& n) {
    if (n.waiting_for_++ > 0) return;
    n.acquire();
    n.next_ = nullptr;
    (last != nullptr ? last->next_ : reached) = &n;
    last = &n;
    released = released || n.spent_;
  };
  reach(*this);
  for (node* n = reached; n != nullptr; n = n->next_)
    for (node* input : n->inputs())
      if (input != nullptr) reach(*input);

  backward_pass pass;
  std::exception_ptr failure;
  if (!released) {
    try {
      next_ready_ = nullptr;
      for (node* ready = this; ready != nullptr;) {
        node* n = std::exchange(ready, ready->next_ready_);
        n->propagate(pass);
        for (node* input : n->inputs())
          if (input != nullptr && --input->waiting_for_ == 0) input->next_ready_ = std::exchange(ready, input);
        if (!keep_graph) n->forget();
      }
    } catch (...) {
      failure = std::current_exception();
    }
  }
  for (node* n = reached; n != nullptr;) {
    node* done = std::exchange(n, n->next_);
    done->waiting_for_ = 0;
    if (released || failure)
      done->abandon();
    else
      done->settle(pass);
    done->release();
  }
  if (failure) std::rethrow_exception(failure);
  if (released)
    throw state_error(
        "backward",
        {"part of this graph was released by an earlier backward(); pass {.keep_graph = true} to that one"});
}

// A node whose result has elements of type T.
template <class T> class slot : public node {
 public:
  explicit slot(const inlay::shape& sizes) : shape_(sizes) {}

  INLAY_OUTLINE void add(tensor<T> gradient) {
    if (!(gradient.shape() == shape_)) [[unlikely]]
      throw shape_error("backward", {"expected a gradient of shape ", shape_, ", got ", gradient.shape()});
    if (filled_)
      add_into(gradient_, gradient);
    else
      gradient_ = std::move(gradient);
    filled_ = true;
  }
  tensor<T> take() noexcept {
    filled_ = false;
    return std::exchange(gradient_, tensor<T>());
  }

  const inlay::shape& shape() const noexcept { return shape_; }
  const tensor<T>& gradient() const noexcept { return gradient_; }
  bool filled() const noexcept { return filled_; }
  void abandon() noexcept override { take(); }

 protected:
  ~slot() = default;

 private:
  inlay::shape shape_;
  tensor<T> gradient_;
  bool filled_ = false;
};

// A leaf variable: its gradient stays here, and grows with every backward pass.
template <class T> class leaf_node final : public slot<T> {
 public:
  using slot<T>::slot;
  INLAY_OUTLINE void end() noexcept override { delete this; }
  void propagate(backward_pass&) override {}
  void abandon() noexcept override {}
};

// One reading of a parameter: its gradient goes into the cell.
template <class T> class cell_node final : public slot<T> {
 public:
  explicit cell_node(counted<cell<T>> of) : slot<T>(of->shape()), cell_(std::move(of)) {}
  INLAY_OUTLINE void end() noexcept override { delete this; }
  void propagate(backward_pass& pass) override {
    if (!this->filled()) return;
    cell_->accumulate(this->take(), [](tensor<T>& a, const tensor<T>& b) { add_into(a, b); });
    if (cell_->optimisers == 0) pass.stray = cell_;
  }
  void settle(const backward_pass& pass) noexcept override {
    if (pass.stray && cell_->optimisers > 0) cell_->stray = pass.stray;  // a stray one must not hold itself
  }

 private:
  counted<cell<T>> cell_;
};

}  // namespace detail

}  // namespace inlay::inline v0_1
