// Shows: tensors whose element type is known at run time
// any_tensor: the same bits come back under the same type and no other; it is a value, whatever happens to the tensor
// it was made of; bytes of any alignment will do.
#include <inlay/core/any_tensor.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr dtype all_types[] = {dtype::float32, dtype::float64, dtype::int32,  dtype::int64,
                               dtype::uint8,   dtype::int8,    dtype::boolean};

// f(T{}) for every element type; gives the names of the types it was not true for.
template <class F> std::string failures(F f) {
  std::string out;
  for (const dtype type : all_types)
    if (!visit(type, f)) out += std::string(name(type)) + ' ';
  return out;
}

// Two rows of three: the ends of the range and what bits can get lost.
template <class T> tensor<T> made() {
  using limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>)
    return from<bool>({2, 3}, {true, false, false, true, true, false});
  else if constexpr (floating<T>)
    return from<T>(
        {2, 3}, {limits::lowest(), limits::denorm_min(), T{-0.0f}, limits::infinity(), limits::signaling_NaN(), T{1}});
  else
    return from<T>({2, 3}, {limits::min(), limits::max(), T{0}, T{1}, T{2}, T{3}});
}

template <class T> std::span<const std::uint8_t> bytes(const tensor<T>& t) {
  return {reinterpret_cast<const std::uint8_t*>(t.data()), t.bytes()};
}

// The message of the type_error that as<T>() throws, or nothing.
template <class T> std::string refusal(const any_tensor& a) {
  try {
    a.as<T>();
    return "";
  } catch (const type_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("any_tensor: every type comes back as it went in, sharing memory") {
  CHECK(failures([](auto zero) {
          using T = decltype(zero);
          bool right = true;
          for (const tensor<T>& t :
               {made<T>(), made<T>().slice(1, 2), made<T>().slice(1, 1), tensor<T>(shape{}, T{1}), tensor<T>()}) {
            const any_tensor a = t;
            right =
                right && a.type() == dtype_of<T> && a.shape() == t.shape() && support::same_bits(a.bytes(), bytes(t));
            const tensor<T> back = a.as<T>();
            right = right && back.shape() == t.shape() && support::same_bits(bytes(back), bytes(t));
            right = right && (t.size() == 0 || back.data() == t.data());
          }
          return right;
        }).empty());
}

TEST_CASE("any_tensor: the wrong type is an error that says both, and cast converts") {
  for (const dtype type : all_types) {
    INFO("type ", name(type));
    const any_tensor a =
        visit(type, [](auto zero) { return any_tensor(tensor<decltype(zero)>(shape{2}, decltype(zero){1})); });
    CHECK(failures([&](auto other) {
            using U = decltype(other);
            const std::string expected = std::string("[any_tensor] expected ") + name(dtype_of<U>) + ", got " +
                                         name(type) + "; use cast<T>() to convert";
            const tensor<U> converted = a.cast<U>();
            return refusal<U>(a) == (type == dtype_of<U> ? "" : expected) && converted.shape() == shape{2} &&
                   converted(1) == U{1};
          }).empty());
  }
  const any_tensor wide = from<double>({3}, {1e300, -1e300, std::numeric_limits<double>::quiet_NaN()});
  CHECK(wide.cast<std::int8_t>().at(0) == 127);
  CHECK(wide.cast<std::int8_t>().at(1) == -128);
  CHECK(wide.cast<std::int8_t>().at(2) == 0);
}

TEST_CASE("any_tensor: empty by default") {
  const any_tensor none;
  CHECK(none.type() == dtype::float32);
  CHECK(none.shape() == shape{0});
  CHECK(none.bytes().empty());
  CHECK(none.as<float>().size() == 0);
  CHECK(none.cast<std::int64_t>().shape() == shape{0});
}

TEST_CASE("any_tensor: a value, whatever becomes of the tensors round it") {
  enum class source { plain, shared, pinned, foreign_read, foreign_write };
  for (const source kind :
       {source::plain, source::shared, source::pinned, source::foreign_read, source::foreign_write}) {
    INFO("source ", static_cast<int>(kind));
    float host[2] = {1, 2};
    any_tensor a;
    {
      tensor<float> t = from<float>({2}, {1, 2});
      if (kind == source::foreign_read) t = tensor<float>::foreign(std::as_const(host), {2}, nullptr);
      if (kind == source::foreign_write) t = tensor<float>::foreign(host, {2}, nullptr, access::write);
      const tensor<float> other = kind == source::shared ? t : tensor<float>();
      float* lasting = kind == source::pinned ? t.data() : nullptr;
      a = t;
      if (lasting != nullptr) lasting[0] = 7;
      t(1) = 8;  // host memory too, where it may be written
    }
    const tensor<float> reused = from<float>({2}, {-1, -1});  // where t was, if its memory was let go
    CHECK(a.as<float>()(0) == 1);
    CHECK(a.as<float>()(1) == 2);
    CHECK(host[0] == 1);
    CHECK(host[1] == (kind == source::foreign_write ? 8 : 2));

    tensor<float> taken = a.as<float>();
    taken(0) = 9;
    CHECK(a.as<float>()(0) == 1);
    tensor<float> last;
    { last = std::exchange(a, any_tensor()).as<float>(); }
    CHECK(last(1) == 2);
  }
}

TEST_CASE("any_tensor: from bytes of any alignment, counted exactly") {
  CHECK(failures([](auto zero) {
          using T = decltype(zero);
          const tensor<T> t = made<T>();
          bool right = true;
          for (std::int64_t offset = 0; offset < 9; ++offset) {
            tensor<std::uint8_t> memory = empty<std::uint8_t>({offset + static_cast<std::int64_t>(t.bytes())});
            memory.write(
                [&](std::span<std::uint8_t> to) { std::copy_n(bytes(t).data(), t.bytes(), to.begin() + offset); });
            const tensor<std::uint8_t> part = memory.slice(offset, memory.dim(0));
            const tensor<T> back = any_tensor(dtype_of<T>, t.shape(), part).template as<T>();
            const bool aligned = offset % static_cast<std::int64_t>(alignof(T)) == 0,
                       shared = bytes(back).data() == part.data();
            right = right && support::same_bits(bytes(back), bytes(t)) && shared == aligned;
          }
          return right;
        }).empty());
  for (const std::int64_t count : {0, 4, 23, 25}) {
    INFO("bytes ", count);
    const std::string expected = "[any_tensor] expected 24 bytes for float32 (2, 3), got " + std::to_string(count);
    CHECK_THROWS_WITH_AS(any_tensor(dtype::float32, {2, 3}, tensor<std::uint8_t>(shape{count})), expected.c_str(),
                         shape_error);
  }
}

TEST_CASE("any_tensor: bytes somebody still writes are copied") {
  tensor<std::uint8_t> memory(shape{8}, 3);
  std::uint8_t* lasting = memory.data();
  tensor<std::uint8_t> back;
  {
    const any_tensor a(dtype::uint8, {2, 4}, std::move(memory));
    back = a.as<std::uint8_t>();
    lasting[0] = 4;
    CHECK(back(0, 0) == 3);
  }
  const tensor<std::uint8_t> reused(shape{8}, 5);
  CHECK(back(1, 3) == 3);
}
