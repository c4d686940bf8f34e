// Shows: tensors: copies in O(1), written on copy, on the host's memory too
// A tensor is a value: copies share memory until one is written, handed-out pointers never write into a copy, memory of
// the host is used as agreed, and wrong sizes throw.
#include <inlay/core/tensor.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

// 0 1 0 1 … in 4 rows of 3: something every type can hold and a write can turn over.
template <class T> tensor<T> made() {
  tensor<T> t = empty<T>({4, 3});
  t.write([](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = detail::convert<T>(static_cast<std::int64_t>(i % 2));
  });
  return t;
}
template <class T> std::vector<std::int64_t> numbers(const tensor<T>& t) {
  std::vector<std::int64_t> out;
  for (const T value : t.values()) out.push_back(detail::convert<std::int64_t>(value));
  return out;
}

template <class T> struct ways {
  using derive = tensor<T> (*)(const tensor<T>&);
  static constexpr std::pair<const char*, derive> to_share[] = {
      {"copy", [](const tensor<T>& t) { return t; }},
      {"copy of a copy",
       [](const tensor<T>& t) {
         const tensor<T> first = t, second = first;
         return second;
       }},
      {"assigned",
       [](const tensor<T>& t) {
         tensor<T> out(shape{5});
         out = t;
         return out;
       }},
      {"moved copy",
       [](const tensor<T>& t) {
         tensor<T> first = t, out;
         out = std::move(first);
         return out;
       }},
      {"reshaped",
       [](const tensor<T>& t) {
         return t.reshape({2, -1});
       }},
      {"reshaped copy", [](const tensor<T>& t) { return tensor<T>(t).reshape(shape{12}); }},
      {"first rows", [](const tensor<T>& t) { return t.slice(0, 2); }},
      {"last rows", [](const tensor<T>& t) { return t.slice(2, 4); }},
      {"a slice of a slice", [](const tensor<T>& t) { return t.slice(1, 4).slice(1, 2); }},
      {"cast to itself", [](const tensor<T>& t) { return t.template cast<T>(); }},
  };
  using turn = void (*)(tensor<T>&);  // the first element
  static constexpr std::pair<const char*, turn> to_write[] = {
      {"data", [](tensor<T>& t) { *t.data() = static_cast<T>(*t.data() == T{0}); }},
      {"write", [](tensor<T>& t) { t.write([](std::span<T> to) { to[0] = static_cast<T>(to[0] == T{0}); }); }},
      {"()",
       [](tensor<T>& t) {
         T& first = t.rank() == 1 ? t(0) : t(0, 0);
         first = static_cast<T>(first == T{0});
       }},
      {"at",
       [](tensor<T>& t) {
         T& first = t.rank() == 1 ? t.at(0) : t.at(0, 0);
         first = static_cast<T>(first == T{0});
       }},
      {"writable",
       [](tensor<T>& t) {
         T* first = detail::writable(t);
         *first = static_cast<T>(*first == T{0});
       }},
  };
};

// An owner that counts how often it was let go.
std::shared_ptr<const void> counting_owner(int& released) {
  return {&released, [](int* count) { ++*count; }};
}

// What is wrong when one of two tensors that share memory is written; "" when nothing is.
template <class T> std::string copy_on_write() {
  std::string wrong;
  for (const auto& [shared, derive] : ways<T>::to_share)
    for (const auto& [written, turn] : ways<T>::to_write)
      for (const bool write_the_copy : {false, true}) {
        tensor<T> original = made<T>(), other = derive(original);
        bool right = other.shares_memory_with(original);
        const auto before = numbers(original), other_before = numbers(other);
        tensor<T>& target = write_the_copy ? other : original;
        auto expected = numbers(target);
        expected[0] = 1 - expected[0];
        turn(target);
        right = right && !other.shares_memory_with(original) && numbers(target) == expected &&
                numbers(write_the_copy ? original : other) == (write_the_copy ? before : other_before);
        turn(target);
        right = right && numbers(target) == (write_the_copy ? other_before : before);
        if (!right)
          wrong += std::string(shared) + " written by " + written + (write_the_copy ? "; " : " of the first; ");
      }
  return wrong;
}

// The same for what makes a tensor and gives its elements.
template <class T> std::string makers() {
  const auto holds = [](const tensor<T>& t, const shape& sizes, std::vector<std::int64_t> values) {
    return t.shape() == sizes && t.size() == sizes.size() && t.bytes() == values.size() * sizeof(T) &&
           numbers(t) == values;
  };
  tensor<T> t = made<T>();
  const tensor<T>& read = t;
  t(3, 2) = T{0};
  t.at(0, 0) = T{1};
  const std::pair<const char*, bool> facts[] = {
      {"zeros", holds(zeros<T>({2, 2}), {2, 2}, {0, 0, 0, 0})},
      {"ones", holds(ones<T>({3}), {3}, {1, 1, 1})},
      {"full", holds(full<T>({1, 2}, T{1}), {1, 2}, {1, 1})},
      {"constructor", holds(tensor<T>(shape{2}), {2}, {0, 0})},
      {"constructor with a fill", holds(tensor<T>(shape{2}, T{1}), {2}, {1, 1})},
      {"from", holds(from<T>({2, 2}, {T{1}, T{0}, T{0}, T{1}}), {2, 2}, {1, 0, 0, 1})},
      {"empty", empty<T>({2, 5}).size() == 10},
      {"sizes", t.rank() == 2 && t.dim(0) == 4 && t.dim(-1) == 3},
      {"alignment", reinterpret_cast<std::uintptr_t>(read.data()) % 64 == 0},
      {"elements", read(1, 2) == T{1} && read.at(3, 0) == T{1} && read.values()[11] == T{0} && read(0, 0) == T{1}},
      {"item", tensor<T>(shape{}, T{1}).item() == T{1} && tensor<T>(shape{1, 1}, T{1}).item() == T{1}},
      {"at without an index", tensor<T>(shape{}, T{1}).at() == T{1}},
  };
  std::string wrong;
  for (const auto& [what, right] : facts)
    if (!right) wrong += std::string(what) + "; ";
  return wrong;
}

template <class F> void of_every_type(F&& wrong_with) {
  for (int type = 0; type <= static_cast<int>(dtype::bfloat16); ++type) {
    INFO("type ", std::string(name(static_cast<dtype>(type))));
    CHECK(visit(static_cast<dtype>(type), wrong_with) == "");
  }
}

template <class F> std::string message(F&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("tensor: a write is seen by the tensor written, and by no other") {
  CHECK(copy_on_write<float>() == "");
  CHECK(copy_on_write<bool>() == "");
}

TEST_CASE("tensor: makers, sizes and elements of every type") {
  of_every_type([]<class T>(T) { return makers<T>(); });
}

TEST_CASE("tensor: a handed-out pointer never writes into a copy") {
  float memory[12] = {};
  int released = 0;
  const std::pair<const char*, float* (*)(tensor<float>&)> pins[] = {
      {"data", [](tensor<float>& t) { return t.data(); }},
      {"()", [](tensor<float>& t) { return &t(0, 0); }},
      {"at", [](tensor<float>& t) { return &t.at(0, 0); }},
      {"foreign", [](tensor<float>& t) { return const_cast<float*>(std::as_const(t).data()); }}};
  for (const auto& pin : pins)
    for (const auto& share : ways<float>::to_share) {
      INFO(std::string(pin.first), ", ", std::string(share.first));
      tensor<float> t = pin.first == std::string_view("foreign")
                            ? tensor<float>::foreign(memory, {4, 3}, counting_owner(released), access::write)
                            : tensor<float>(shape{4, 3});
      float* const pointer = pin.second(t);
      const tensor<float> other = share.second(t);
      CHECK_FALSE(other.shares_memory_with(t));
      *pointer = 5;
      CHECK(t.values()[0] == 5);
      CHECK(other.values()[0] == 0);
      const tensor<float> moved = std::move(t);
      CHECK(moved.data() == pointer);
      *pointer = 0;
    }
}

TEST_CASE("tensor: pinning lasts as long as the memory, and write does not pin") {
  tensor<float> t(shape{6}, 1);
  t.write([](std::span<float> to) { to[0] = 2; });
  CHECK(tensor<float>(t).shares_memory_with(t));
  float* pointer = t.data();
  CHECK(t.data() == pointer);
  tensor<float>& same = t;
  t = same;
  CHECK(std::as_const(t).data() == pointer);  // assigned to itself: the pointer still holds
  t = std::move(same);
  CHECK(std::as_const(t).data() == pointer);
  tensor<float> copy = t;
  CHECK(tensor<float>(copy).shares_memory_with(copy));  // the copy itself is not pinned
  t = t.reshape({2, 3});
  CHECK(tensor<float>(t).shares_memory_with(t));  // assigned anew: other memory
  CHECK(std::as_const(t)(0, 0) == 2);
}

TEST_CASE("tensor: moved from, it is empty and can be used again") {
  tensor<float> t = made<float>();
  const tensor<float> taken = std::move(t);
  CHECK(t.shape() == shape{0});
  CHECK(t.size() == 0);
  CHECK(std::as_const(t).data() == nullptr);
  CHECK(t.values().empty());
  CHECK_FALSE(t.shares_memory_with(taken));
  CHECK_FALSE(t.writable_in_place());
  tensor<float> copy = t;
  CHECK(copy.shape() == shape{0});
  t = taken.slice(1, 2);
  CHECK(numbers(t) == std::vector<std::int64_t>{1, 0, 1});
  t = tensor<float>();
  CHECK(t.shape() == shape{0});
  static_assert(std::is_nothrow_move_constructible_v<tensor<float>> &&
                std::is_nothrow_move_assignable_v<tensor<float>>);
}

TEST_CASE("tensor: without elements everything still works") {
  for (const shape& sizes : {shape{0}, shape{0, 3}, shape{3, 0}, shape{2, 0, 4}}) {
    INFO(sizes.text());
    tensor<float> t(sizes, 1), copy = t;
    CHECK(t.size() == 0);
    CHECK(t.bytes() == 0);
    CHECK(t.data() == nullptr);
    CHECK(copy.shape() == sizes);
    t.write([](std::span<float> values) { CHECK(values.empty()); });
    CHECK(t.reshape({0, 7}).shape() == shape{0, 7});
    CHECK(t.reshape({-1, 5}).shape() == shape{0, 5});
    CHECK(t.slice(0, t.dim(0)).shape() == sizes);
    CHECK(t.cast<std::int8_t>().shape() == sizes);
    CHECK_THROWS_AS(t.reshape({1}), shape_error);
    CHECK_THROWS_AS(t.item(), shape_error);
    CHECK(from<float>(sizes, std::initializer_list<float>{}).shape() == sizes);
  }
}

TEST_CASE("tensor: foreign memory to read is never written") {
  static const double memory[6] = {1, 2, 3, 4, 5, 6};  // in memory that cannot be written
  for (const auto& way : ways<double>::to_write) {
    INFO(std::string(way.first));
    int released = 0;
    {
      tensor<double> t = tensor<double>::foreign(memory, {2, 3}, counting_owner(released));
      CHECK(std::as_const(t).data() == memory);
      CHECK_FALSE(t.writable_in_place());
      const tensor<double> copy = t, rows = t.slice(1, 2);
      CHECK(copy.data() == memory);
      CHECK(rows.data() == memory + 3);
      way.second(t);
      CHECK(std::as_const(t).data() != memory);
      CHECK(std::as_const(t)(0, 0) == 0);
      CHECK(copy.data() == memory);
      CHECK(released == 0);
    }
    CHECK(released == 1);
  }
  CHECK(memory[0] == 1);
}

TEST_CASE("tensor: foreign memory to write is written, and its owner let go once") {
  std::vector<float> memory{1, 2, 3, 4};
  int released = 0;
  tensor<float> t = tensor<float>::foreign(memory.data(), {2, 2}, counting_owner(released), access::write);
  CHECK_FALSE(t.writable_in_place());
  t.write([](std::span<float> to) { to[3] = 9; });
  t(0, 0) = 8;
  CHECK(memory == std::vector<float>{8, 2, 3, 9});
  tensor<float> moved = std::move(t), rows = moved.slice(1, 2);
  rows(0, 0) = 7;
  CHECK(memory[2] == 3);
  CHECK(released == 0);
  moved = {};
  CHECK(released == 1);
  CHECK(memory == std::vector<float>{8, 2, 3, 9});
}

TEST_CASE("tensor: foreign memory that cannot be used as it is") {
  alignas(8) unsigned char bytes[33] = {};
  const double values[3] = {1.5, 2.5, 3.5};
  for (std::size_t offset = 1; offset < 8; ++offset) {
    std::memcpy(bytes + offset, values, sizeof(values));
    int released = 0;
    auto* misaligned = reinterpret_cast<double*>(reinterpret_cast<std::uintptr_t>(bytes) + offset);
    const tensor<double> t = tensor<double>::foreign(misaligned, {3}, counting_owner(released), access::read);
    CHECK(released == 1);
    CHECK(std::vector<double>(t.values().begin(), t.values().end()) == std::vector<double>(values, values + 3));
    CHECK(tensor<double>::foreign(misaligned, {0}, nullptr, access::read).size() == 0);
  }
  int released = 0;
  CHECK_THROWS_AS(tensor<float>::foreign(static_cast<float*>(nullptr), {2}, counting_owner(released), access::write),
                  value_error);
  CHECK(released == 1);
  CHECK(tensor<float>::foreign(static_cast<float*>(nullptr), {0, 2}, counting_owner(released), access::write).shape() ==
        shape{0, 2});
  CHECK(released == 2);
}

TEST_CASE("tensor: wrong sizes throw and change nothing") {
  tensor<float> t = made<float>();
  for (const auto& [first, last] : {std::pair<std::int64_t, std::int64_t>{-1, 2}, {3, 2}, {0, 5}, {5, 5}, {4, 3}})
    CHECK_THROWS_AS(t.slice(first, last), shape_error);
  CHECK_THROWS_AS(tensor<float>(shape{}).slice(0, 1), shape_error);
  CHECK(t.slice(4, 4).shape() == shape{0, 3});
  for (const auto& sizes : {std::initializer_list<std::int64_t>{5}, {-1, 5}, {-1, -1}, {-2, 6}, {0, 12}, {-1, 0}, {}})
    CHECK_THROWS_AS(t.reshape(sizes), shape_error);
  CHECK_THROWS_AS(std::move(t).reshape({7}), shape_error);
  CHECK(numbers(t) == numbers(made<float>()));
  CHECK(t.reshape({-1}).shape() == shape{12});
  CHECK(t.reshape({1, -1, 6}).shape() == shape{1, 2, 6});
  CHECK(t.reshape(shape{3, 4}).shape() == shape{3, 4});

  CHECK_THROWS_AS(t.at(4, 0), shape_error);
  CHECK_THROWS_AS(t.at(0, 3), shape_error);
  CHECK_THROWS_AS(t.at(-1, 0), shape_error);
  CHECK_THROWS_AS(t.at(0), shape_error);
  CHECK_THROWS_AS(t.at(0, 0, 0), shape_error);
  CHECK_THROWS_AS(t.at(), shape_error);
  CHECK_THROWS_AS(std::as_const(t).at(std::uint64_t{1} << 63, 0), shape_error);
  CHECK(message([&] { t.at(1, 7); }) == "[at] expected an index into (4, 3), got (1, 7)");
  CHECK(message([&] { (void)t.item(); }) == "[item] expected a tensor of one element, got (4, 3)");
  CHECK(message([&] {
          (void)t.reshape({5, 5});
        }) == "[reshape] expected a shape of 12 elements, got (5, 5) from (4, 3)");
  CHECK(message([&] { (void)t.slice(2, 9); }) == "[slice] expected 0 <= first <= last <= rows of (4, 3), got [2, 9)");
  CHECK_THROWS_AS(from<float>({2, 2}, {1.0f}), shape_error);
  CHECK_THROWS_AS(from<float>({0}, {1.0f}), shape_error);
  CHECK_THROWS_AS(tensor<float>().item(), shape_error);
  CHECK(message([] { (void)from<float>({2}, {1.0f}); }) == "[from] expected 2 values for shape (2,), got 1");
}

TEST_CASE("tensor: writable in place only when nobody else sees it") {
  tensor<float> t = made<float>();
  CHECK(t.writable_in_place());
  {
    const tensor<float> copy = t;
    CHECK_FALSE(t.writable_in_place());
    CHECK_FALSE(copy.writable_in_place());
  }
  CHECK(t.writable_in_place());
  const float* before = std::as_const(t).data();
  tensor<float> result = detail::result_on(t);  // takes the memory
  CHECK(std::as_const(result).data() == before);
  CHECK(t.size() == 0);
  const tensor<float> copy = result;
  const tensor<float> fresh = detail::result_on(result);  // must leave it
  CHECK(fresh.shape() == copy.shape());
  CHECK_FALSE(fresh.shares_memory_with(copy));
  CHECK(result.shares_memory_with(copy));
  tensor<float> pinned = made<float>();
  pinned(0, 0) = 1;
  CHECK_FALSE(pinned.writable_in_place());
  CHECK_FALSE(tensor<float>(shape{0}).writable_in_place());
}

TEST_CASE("tensor: what is made from the contents of a weight goes when they change, or with the weight") {
  static int alive = 0;
  struct form final : detail::derived_form {
    form() : derived_form(7) { ++alive; }
    ~form() { --alive; }
    void end() noexcept override { delete this; }
  };
  const auto keep_a_form = [](const tensor<float>& t) {
    auto* made = new form;
    made->next = t.keeper()->forms.exchange(made);
  };
  for (const auto& way : ways<float>::to_write) {
    INFO(std::string(way.first));
    tensor<float> weight = made<float>();
    CHECK(weight.keeper() == nullptr);
    weight.become_keeper();
    REQUIRE(weight.keeper() != nullptr);
    {
      tensor<float> copy = weight;
      keep_a_form(weight);
      keep_a_form(copy);
      CHECK(copy.keeper() == weight.keeper());
      way.second(copy);  // detaches: the weight is as it was
      CHECK(copy.keeper() == nullptr);
    }
    CHECK(alive == 2);
    const bool pins = way.first != std::string_view("write") && way.first != std::string_view("writable");
    way.second(weight);
    CHECK(alive == 0);
    CHECK((weight.keeper() == nullptr) == pins);  // who has a pointer may write at any time
    if (pins) continue;
    keep_a_form(weight);
    const tensor<float> rows = weight.slice(1, 2);
    weight = {};
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
  CHECK(made<float>().keeper() == nullptr);  // nor is the next tensor in that memory a weight
}

TEST_CASE("tensor: casts saturate, NaN becomes 0") {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const tensor<double> x = from<double>({12}, {0, -0.0, 1.9, -1.9, 127.5, 255.5, 300, -300, 1e30, -inf, inf, nan});
  const tensor<float> f = x.cast<float>();
  const auto check = [&]<class U>(std::initializer_list<U> expected) {
    const std::vector<U> values(expected);
    const tensor<U> from_double = x.cast<U>(), from_float = f.cast<U>();
    CHECK(std::equal(values.begin(), values.end(), from_double.values().begin()));
    CHECK(std::equal(values.begin(), values.end(), from_float.values().begin()));
  };
  constexpr auto most32 = std::numeric_limits<std::int32_t>::max(), least32 = std::numeric_limits<std::int32_t>::min();
  constexpr auto most64 = std::numeric_limits<std::int64_t>::max(), least64 = std::numeric_limits<std::int64_t>::min();
  check.operator()<std::int8_t>({0, 0, 1, -1, 127, 127, 127, -128, 127, -128, 127, 0});
  check.operator()<std::uint8_t>({0, 0, 1, 0, 127, 255, 255, 0, 255, 0, 255, 0});
  check.operator()<std::int32_t>({0, 0, 1, -1, 127, 255, 300, -300, most32, least32, most32, 0});
  check.operator()<std::int64_t>({0, 0, 1, -1, 127, 255, 300, -300, most64, least64, most64, 0});
  check.operator()<bool>({false, false, true, true, true, true, true, true, true, true, true, true});

  // The largest values below and the smallest at the limits.
  CHECK(from<double>({2}, {2147483646.9, 2147483647.5}).cast<std::int32_t>().values()[0] == 2147483646);
  CHECK(from<float>({1}, {2147483520.0f}).cast<std::int32_t>().item() == 2147483520);
  CHECK(from<float>({1}, {2147483648.0f}).cast<std::int32_t>().item() == most32);
  CHECK(from<double>({1}, {9223372036854774784.0}).cast<std::int64_t>().item() == 9223372036854774784);
  CHECK(from<double>({1}, {9223372036854775808.0}).cast<std::int64_t>().item() == most64);

  const tensor<std::int64_t> n = from<std::int64_t>({7}, {0, 1, -1, 200, 300, most64, least64});
  CHECK(numbers(n.cast<std::int8_t>()) == std::vector<std::int64_t>{0, 1, -1, 127, 127, 127, -128});
  CHECK(numbers(n.cast<std::uint8_t>()) == std::vector<std::int64_t>{0, 1, 0, 200, 255, 255, 0});
  CHECK(numbers(n.cast<std::int32_t>()) == std::vector<std::int64_t>{0, 1, -1, 200, 300, most32, least32});
  CHECK(numbers(n.cast<bool>()) == std::vector<std::int64_t>{0, 1, 1, 1, 1, 1, 1});
  CHECK(n.slice(3, 4).cast<float>().item() == 200.0f);
  CHECK(numbers(from<std::uint8_t>({2}, {127, 255}).cast<std::int8_t>()) == std::vector<std::int64_t>{127, 127});
  CHECK(numbers(from<bool>({2}, {true, false}).cast<std::int32_t>()) == std::vector<std::int64_t>{1, 0});
  CHECK(std::isinf(from<double>({1}, {1e300}).cast<float>().item()));
  CHECK(support::is_nan(x.cast<float>().values()[11]));
}
