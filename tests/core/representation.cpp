// Shows: (what may stand for a tensor's elements)
// A tensor that something stands for: elements are made when they are looked at, once, and copies share them; writing
// gives elements of one's own.
#include <inlay/core/representation.hpp>

#include <doctest/doctest.h>

#include <thread>

#include <inlay/core/any_tensor.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

// Stands for 0, 1, 2, …; counts how often it was asked, and lives while a tensor needs it.
class counting final : public representation {
 public:
  counting(inlay::shape sizes, std::atomic<int>& asked, std::atomic<int>& alive)
      : shape_(sizes), asked_(asked), alive_(alive) {
    ++alive_;
  }
  ~counting() override { --alive_; }
  const char* name() const noexcept override { return "counting"; }
  dtype type() const noexcept override { return dtype::float32; }
  const inlay::shape& shape() const noexcept override { return shape_; }
  void write_elements(void* to) const override {
    ++asked_;
    for (std::int64_t i = 0; i < shape_.size(); ++i) static_cast<float*>(to)[i] = static_cast<float>(i);
  }
  std::vector<std::pair<std::string, any_tensor>> parts() const override { return {}; }

 private:
  inlay::shape shape_;
  std::atomic<int>&asked_, &alive_;
};

struct fixture {
  std::atomic<int> asked{0}, alive{0};
  tensor<float> make(shape sizes = {3, 4}) {
    return tensor<float>::represented(std::make_shared<counting>(sizes, asked, alive));
  }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "representation: elements are made once, when somebody looks") {
  {
    const tensor<float> t = make();
    CHECK(t.shape() == shape{3, 4});
    CHECK(t.representation() != nullptr);
    CHECK(std::string(t.representation()->name()) == "counting");
    const tensor<float> copy = t;
    CHECK(copy.representation() == t.representation());
    CHECK(!t.has_elements());
    CHECK(asked == 0);
    CHECK(t(1, 2) == 6);
    CHECK(t.has_elements());
    CHECK(copy.at(2, 3) == 11);
    CHECK(copy.data() == t.data());
    CHECK(t.values()[5] == 5);
    CHECK(asked == 1);
    CHECK(t.representation() != nullptr);  // still what it is
  }
  CHECK(alive == 0);
}

TEST_CASE_FIXTURE(fixture, "representation: parts, other shapes and conversions are of elements") {
  const tensor<float> t = make();
  const tensor<float> rows = t.slice(1, 3), flat = t.reshape({12});
  CHECK(rows.representation() == nullptr);
  CHECK(rows(0, 0) == 4);
  CHECK(flat.representation() == nullptr);
  CHECK(flat(11) == 11);
  CHECK(flat.reshape({3, 4}).representation() == t.representation());
  CHECK(t.cast<int>()(2, 0) == 8);
  CHECK(make({1}).item() == 0);
  CHECK(asked == 2);
}

TEST_CASE_FIXTURE(fixture, "representation: what is written has elements of its own") {
  const tensor<float> t = make();
  tensor<float> copy = t;
  copy.write([](std::span<float> values) { values[0] = 42; });
  CHECK(copy.representation() == nullptr);
  CHECK(copy(0, 0) == 42);
  CHECK(copy(2, 3) == 11);
  CHECK(t.representation() != nullptr);
  CHECK(t(0, 0) == 0);
  CHECK(!t.writable_in_place());
  tensor<float> handed_out = make();
  handed_out.data()[1] = 7;
  CHECK(handed_out(0, 1) == 7);
  CHECK(handed_out.representation() == nullptr);
  CHECK(tensor<float>().representation() == nullptr);
  CHECK(tensor<float>(shape{0, 3}).has_elements());
}

TEST_CASE_FIXTURE(fixture, "representation: without its type it stays what it is") {
  const any_tensor t = make();
  CHECK(t.representation() != nullptr);
  CHECK(t.as<float>().representation() == t.representation());
  CHECK(asked == 0);
  CHECK(t.bytes().size() == 48);
  float last;
  std::memcpy(&last, t.bytes().data() + 44, 4);
  CHECK(last == 11);
  CHECK(t.cast<double>()(0, 3) == 3);
  CHECK(any_tensor(tensor<float>({2})).representation() == nullptr);
  CHECK_THROWS_AS(tensor<double>::represented(std::make_shared<counting>(shape{2}, asked, alive)), type_error);
}

TEST_CASE_FIXTURE(fixture, "representation: threads that look at once see the same elements") {
  for (int round = 0; round < 20; ++round) {
    const tensor<float> t = make({64});
    std::vector<const float*> seen(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i)
      threads.emplace_back([&, i] { seen[i] = t.data()[63] == 63 ? t.data() : nullptr; });
    for (std::thread& thread : threads) thread.join();
    for (const float* at : seen) CHECK(at == t.data());
  }
  CHECK(alive == 0);
}
