// Shared ownership of counted memory, our own or the host's.
#pragma once

#include <memory>
#include <utility>

#include "pool.hpp"

namespace inlay::inline v0_1 {

// What a tensor may do with memory of the host.
enum class access { read, write };

namespace detail {

// Memory of the host, kept alive by its owner for as long as a tensor uses it.
struct foreign_block : block {
  std::shared_ptr<const void> owner;
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

  // Throws std::bad_alloc only.
  static block_ptr foreign(void* bytes, access rights, std::shared_ptr<const void> owner) {
    auto* b = new foreign_block;
    b->bytes = static_cast<std::byte*>(bytes);
    b->foreign = true;
    b->read_only = rights == access::read;
    b->pinned = rights == access::write;  // the host may write at any time
    b->owner = std::move(owner);
    return block_ptr{b};
  }

  block* operator->() const noexcept { return block_; }
  block& operator*() const noexcept { return *block_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

  bool unique() const noexcept { return block_->references.load(std::memory_order_acquire) == 1; }

 private:
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
