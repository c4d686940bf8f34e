// Shared ownership of counted memory, our own or the host's, or of what stands for it.
#pragma once

#include <memory>
#include <utility>

#include "pool.hpp"
#include "representation.hpp"

namespace inlay::inline v0_1 {

// What a tensor may do with memory of the host.
enum class access { read, write };

namespace detail {

// For std::allocate_shared, what `from_pool` is for new.
template <class T> struct pool_allocator {
  using value_type = T;
  pool_allocator() = default;
  template <class U> pool_allocator(const pool_allocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(from_pool::operator new(count * sizeof(T))); }
  void deallocate(T* at, std::size_t) noexcept { from_pool::operator delete(at); }
  template <class U> bool operator==(const pool_allocator<U>&) const noexcept { return true; }
};

// Memory of the host, kept alive by its owner for as long as a tensor uses it. Or no memory, but what stands for it,
// and the elements once they were asked for.
struct foreign_block : block, from_pool {
  INLAY_COLD ~foreign_block() {
    if (block* made = elements.load(std::memory_order_acquire)) pool::give(made);
  }
  std::shared_ptr<const void> owner;
  const representation* stands_for = nullptr;
  std::atomic<block*> elements{nullptr};
};

class block_ptr {
 public:
  block_ptr() noexcept = default;
  explicit block_ptr(block* taken) noexcept : block_(taken) {}
  block_ptr(const block_ptr& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  block_ptr(block_ptr&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  block_ptr& operator=(block_ptr other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~block_ptr() {
    if (block_ != nullptr) drop(block_);
  }

  static block_ptr of_size(std::size_t bytes) { return bytes == 0 ? block_ptr{} : block_ptr{pool::take(bytes)}; }

  // Throws memory_error.
  static block_ptr foreign(void* bytes, access rights, std::shared_ptr<const void> owner) {
    auto* b = new foreign_block;
    b->bytes = static_cast<std::byte*>(bytes);
    b->foreign = true;
    b->read_only = rights == access::read;
    b->pinned = rights == access::write;  // the host may write at any time
    b->owner = std::move(owner);
    return block_ptr{b};
  }

  static block_ptr represented(std::shared_ptr<const inlay::representation> what) {
    block_ptr out = foreign(nullptr, access::read, what);
    out.as_foreign().stands_for = what.get();
    out->keeps_forms = true;
    return out;
  }

  // For a tensor of this memory: what stands for its elements (not after a reshape), or null when it just has some.
  const representation* standing_for(const void* first, const inlay::shape& sizes) const noexcept {
    if (first != nullptr || block_ == nullptr || !block_->foreign) [[likely]]
      return nullptr;
    const representation* what = as_foreign().stands_for;
    return what != nullptr && what->shape() == sizes ? what : nullptr;
  }
  INLAY_COLD bool add_represented(const block_ptr& other, const inlay::shape& sizes) {
    const representation *mine = standing_for(nullptr, sizes), *theirs = other.standing_for(nullptr, sizes);
    auto both = mine == nullptr || theirs == nullptr ? nullptr : mine->plus(*theirs);
    if (both == nullptr) return false;
    *this = represented(std::move(both));
    return true;
  }
  bool has_elements() const noexcept { return as_foreign().elements.load(std::memory_order_acquire) != nullptr; }

  // The elements of a represented tensor, null where there are none. Of concurrent readers who each make them one wins.
  INLAY_COLD const void* made(std::size_t bytes) const {
    if (block_ == nullptr || bytes == 0) return nullptr;
    block* known = as_foreign().elements.load(std::memory_order_acquire);
    if (known == nullptr) {
      block_ptr fresh = of_size(bytes);
      as_foreign().stands_for->write_elements(fresh->bytes);
      if (as_foreign().elements.compare_exchange_strong(known, fresh.block_, std::memory_order_acq_rel))
        known = std::exchange(fresh.block_, nullptr);
    }
    return known->bytes;
  }

  block* operator->() const noexcept { return block_; }
  block& operator*() const noexcept { return *block_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

  bool unique() const noexcept { return block_->references.load(std::memory_order_acquire) == 1; }

 private:
  foreign_block& as_foreign() const noexcept { return *static_cast<foreign_block*>(block_); }

  // Out of line: tensors are destroyed in a great many places.
  INLAY_OUTLINE static void drop(block* b) noexcept {
    // A sole owner needs no locked instruction: nobody else can be copying it.
    if (b->references.load(std::memory_order_acquire) != 1 &&
        b->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
      return;
    if (b->forms.load(std::memory_order_relaxed) != nullptr) b->drop_forms();
    if (b->foreign) {
      delete static_cast<foreign_block*>(b);
    } else {
      b->pinned = b->keeps_forms = false;
      pool::give(b);
    }
  }

  block* block_ = nullptr;
};

}  // namespace detail

}  // namespace inlay::inline v0_1
