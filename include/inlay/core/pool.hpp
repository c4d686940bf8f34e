// Where memory comes from: each thread keeps the blocks it allocated and gets them back, so that a warm program
// asks the system for nothing. A block released on another thread (a loader's batch, another library's tensor) goes
// home through a lock-free list; blocks of a thread that has ended wait in a reservoir for the next one that needs
// them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <pthread.h>

#include "error.hpp"

namespace inlay::inline v0_1 {

namespace detail {

class pool;

// Base of objects that come and go in every step: they live in the pool, like tensors.
struct from_pool {
  static void* operator new(std::size_t bytes);
  static void operator delete(void* at) noexcept;
};

// Something made from the contents of a block and kept with it until they change: packed panels of a weight.
// `kind` tells readers which forms are theirs.
struct derived_form : from_pool {
  explicit derived_form(int of_kind) noexcept : kind(of_kind) {}
  virtual void end() noexcept = 0;  // deletes it

  const int kind;
  derived_form* next = nullptr;

 protected:
  ~derived_form() = default;
};

// Header of a piece of counted memory; the bytes follow it. 64-byte aligned, and so are they.
struct alignas(64) block {
  std::atomic<std::uint32_t> references{1};
  std::uint8_t size_class = 0;
  bool read_only = false;    // foreign memory that must not be written
  bool pinned = false;       // somebody outside holds a mutable pointer: copies must be deep
  bool foreign = false;      // memory of the host, kept alive by an owner (see block.hpp)
  bool keeps_forms = false;  // of a weight: read often, written rarely
  std::byte* bytes = nullptr;
  pool* home = nullptr;
  block* next = nullptr;  // in a free list
  std::atomic<derived_form*> forms{nullptr};

  // The contents are about to change, or to go.
  void drop_forms() noexcept {
    for (derived_form* form = forms.exchange(nullptr, std::memory_order_acquire); form != nullptr;)
      std::exchange(form, form->next)->end();
  }
};
static_assert(sizeof(block) == 64);

// Sizes grow in four steps per doubling, so at most a fifth of a block is unused.
constexpr int size_class_of(std::size_t bytes) noexcept {
  const std::size_t units = (bytes + 63) / 64;
  if (units <= 4) return static_cast<int>(units);
  const int doubling = static_cast<int>(std::bit_width(units - 1)) - 3;
  return 4 * doubling + static_cast<int>(((units - 1) >> doubling) + 1);
}
constexpr std::size_t bytes_of_class(int size_class) noexcept {
  if (size_class <= 4) return static_cast<std::size_t>(size_class) * 64;
  const int doubling = (size_class - 5) / 4;
  return (static_cast<std::size_t>((size_class - 5) % 4 + 5) << doubling) * 64;
}
inline constexpr int size_classes = size_class_of(std::size_t{1} << 60) + 1;

struct memory_counters {
  std::atomic<std::uint64_t> allocations{0};       // blocks asked of the system so far
  std::atomic<std::size_t> reserved{0};            // bytes held from the system now
  std::atomic<std::size_t> cache_limit{1u << 30};  // free bytes a thread keeps
  std::array<block*, size_classes> reservoir{};    // free blocks without a home, by size class
  pthread_mutex_t reservoir_busy = PTHREAD_MUTEX_INITIALIZER;

  // f(list) may change the reservoir's list of one size. One thread at a time: a list that is out of its place for a
  // moment would look empty to the others, and they would ask the system, epoch after epoch.
  template <class F> void with_reservoir(int size_class, F f) noexcept {
    pthread_mutex_lock(&reservoir_busy);
    f(reservoir[static_cast<std::size_t>(size_class)]);
    pthread_mutex_unlock(&reservoir_busy);
  }
};
inline constinit memory_counters memory;

class pool {
 public:
  // A block of at least `bytes` bytes with one reference. Throws memory_error.
  INLAY_OUTLINE static block* take(std::size_t bytes) {
    if (bytes > (std::size_t{1} << 59)) [[unlikely]]
      throw memory_error("memory", {"expected a size that memory can hold, got ", bytes, " bytes"});
    const int size_class = size_class_of(bytes);
    if (pool* mine = of_this_thread()) [[likely]]
      return mine->take_class(size_class);
    return allocate(size_class, nullptr);  // while the thread is ending
  }

  // Back to the pool it came from; from any thread.
  static void give(block* b) noexcept {
    pool* home = b->home;
    if (home == nullptr)
      release(b);
    else if (home == current_)
      home->keep(b);
    else
      home->give_back(b);
  }

  // Frees what this thread keeps for reuse.
  static void trim() noexcept {
    if (current_ != nullptr) current_->clear();
    for (int size_class = 0; size_class < size_classes; ++size_class) {
      block* b = nullptr;
      memory.with_reservoir(size_class, [&b](block*& list) { b = std::exchange(list, nullptr); });
      while (b != nullptr) release(std::exchange(b, b->next));
    }
  }

 private:
  static pool* of_this_thread() {
    if (current_ == nullptr && !ended_) [[unlikely]]
      open();
    return current_;
  }

  INLAY_COLD static void open() {
    struct guard {
      ~guard() { current_->close(); }
    };
    current_ = new (std::nothrow) pool;
    if (current_ == nullptr) throw memory_error("memory", {"no memory for a thread's pool"});
    static thread_local guard closes_at_thread_end;
    (void)closes_at_thread_end;
  }

  block* take_class(int size_class) {
    block*& list = free_[static_cast<std::size_t>(size_class)];
    if (list == nullptr) [[unlikely]] {
      adopt(remote_.exchange(nullptr, std::memory_order_acquire));
      if (list == nullptr) adopt(from_reservoir(size_class));
      if (list == nullptr) return allocate(size_class, this);
    }
    block* b = list;
    list = b->next;
    cached_ -= bytes_of_class(size_class);
    b->references.store(1, std::memory_order_relaxed);
    return b;
  }

  void keep(block* b) noexcept {
    const std::size_t bytes = bytes_of_class(b->size_class);
    if (cached_ + bytes > memory.cache_limit.load(std::memory_order_relaxed)) [[unlikely]]
      return release(b);
    cached_ += bytes;
    block*& list = free_[b->size_class];
    b->next = list;
    list = b;
  }

  INLAY_OUTLINE void adopt(block* list) noexcept {
    while (list != nullptr) {
      block* b = std::exchange(list, list->next);
      if (b->home != this) {
        blocks_.fetch_add(1, std::memory_order_relaxed);
        b->home = this;
      }
      keep(b);
    }
  }

  // From another thread. The block itself keeps this pool alive until it is in the list.
  INLAY_OUTLINE void give_back(block* b) noexcept {
    block* head = remote_.load(std::memory_order_relaxed);
    do {
      if (head == closed()) return orphan(b);
      b->next = head;
    } while (!remote_.compare_exchange_weak(head, b, std::memory_order_release, std::memory_order_relaxed));
  }

  // A block of a thread that ended waits in the reservoir.
  INLAY_COLD static void orphan(block* b) noexcept {
    pool* home = std::exchange(b->home, nullptr);
    memory.with_reservoir(b->size_class, [b](block*& list) { b->next = std::exchange(list, b); });
    home->drop();
  }

  // One block: a thread that took them all would leave the next one to ask the system, epoch after epoch.
  INLAY_COLD static block* from_reservoir(int size_class) noexcept {
    block* taken = nullptr;
    memory.with_reservoir(size_class, [&taken](block*& list) {
      if (list != nullptr) taken = std::exchange(list, list->next);
    });
    if (taken != nullptr) taken->next = nullptr;
    return taken;
  }

  INLAY_COLD void close() noexcept {
    ended_ = true;
    current_ = nullptr;
    block* remote = remote_.exchange(closed(), std::memory_order_acquire);
    while (remote != nullptr) orphan(std::exchange(remote, remote->next));
    for (block* list : free_)
      while (list != nullptr) orphan(std::exchange(list, list->next));
    drop();
  }

  void clear() noexcept {
    adopt(remote_.exchange(nullptr, std::memory_order_acquire));
    cached_ = 0;
    for (block*& list : free_)
      while (list != nullptr) release(std::exchange(list, list->next));
  }

  void drop() noexcept {
    if (blocks_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  INLAY_COLD static block* allocate(int size_class, pool* home) {
    const std::size_t bytes = bytes_of_class(size_class);
    void* raw = ::operator new (sizeof(block) + bytes, std::align_val_t{64}, std::nothrow);
    if (raw == nullptr) throw memory_error("memory", {"the system gave no ", bytes, " bytes; is a shape wrong?"});
    memory.allocations.fetch_add(1, std::memory_order_relaxed);
    memory.reserved.fetch_add(sizeof(block) + bytes, std::memory_order_relaxed);
    block* b = new (raw) block;
    b->size_class = static_cast<std::uint8_t>(size_class);
    b->bytes = reinterpret_cast<std::byte*>(b) + sizeof(block);
    b->home = home;
    if (home != nullptr) home->blocks_.fetch_add(1, std::memory_order_relaxed);
    return b;
  }

  INLAY_COLD static void release(block* b) noexcept {
    memory.reserved.fetch_sub(sizeof(block) + bytes_of_class(b->size_class), std::memory_order_relaxed);
    pool* home = b->home;
    b->~block();
    ::operator delete (static_cast<void*>(b), std::align_val_t{64});
    if (home != nullptr) home->drop();
  }

  block* closed() noexcept { return reinterpret_cast<block*>(this); }  // no block can live there

  std::array<block*, size_classes> free_{};
  std::size_t cached_ = 0;
  std::atomic<block*> remote_{nullptr};
  std::atomic<std::uint64_t> blocks_{1};  // blocks that know this pool, and the thread itself

  static inline constinit thread_local pool* current_ = nullptr;
  static inline constinit thread_local bool ended_ = false;
};

inline void* from_pool::operator new(std::size_t bytes) { return pool::take(bytes)->bytes; }
inline void from_pool::operator delete(void* at) noexcept { pool::give(static_cast<block*>(at) - 1); }

}  // namespace detail

// What the library holds of the system's memory, and how to give it back.
namespace memory {

struct statistics {
  std::uint64_t allocations;  // blocks asked of the system since the program started
  std::size_t reserved;       // bytes held now, in use or kept for reuse
};

inline statistics stats() noexcept {
  return {detail::memory.allocations.load(std::memory_order_relaxed),
          detail::memory.reserved.load(std::memory_order_relaxed)};
}

// Free bytes each thread may keep for reuse (default 1 GiB); 0 gives every block back at once.
inline void set_cache_limit(std::size_t bytes) noexcept {
  detail::memory.cache_limit.store(bytes, std::memory_order_relaxed);
}

// Gives back what the calling thread keeps for reuse, and what ended threads left.
inline void trim() noexcept { detail::pool::trim(); }

}  // namespace memory

}  // namespace inlay::inline v0_1
