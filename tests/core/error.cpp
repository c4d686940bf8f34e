// Shows: errors that say what was expected, what came and how to repair it
// Every failure is one hierarchy: stable codes, "[operation] text", the place that noticed.
#include <inlay/core/error.hpp>

#include <doctest/doctest.h>

#include <type_traits>

using namespace inlay;

namespace {

template <class E> void check_kind(error_code code, int number) {
  static_assert(std::is_base_of_v<error, E> && std::is_base_of_v<std::runtime_error, E>);
  const int line = __LINE__ + 2;
  try {
    throw E("dense", {"expected ", 3, " axes, got ", std::int64_t{-4}, " of ", std::string("(2,)"),
                      std::string_view("; flatten first")});
  } catch (const error& e) {
    CHECK(std::string(e.what()) == "[dense] expected 3 axes, got -4 of (2,); flatten first");
    CHECK(e.operation() == "dense");
    CHECK(e.code() == code);
    CHECK(static_cast<int>(e.code()) == number);
    CHECK(e.where().line == line);
    CHECK(std::string_view(e.where().file).ends_with("error.cpp"));
  }
}

}  // namespace

TEST_CASE("error: each kind has its code, its text and its place") {
  check_kind<shape_error>(error_code::shape, 1);
  check_kind<value_error>(error_code::value, 2);
  check_kind<type_error>(error_code::type, 3);
  check_kind<io_error>(error_code::io, 4);
  check_kind<memory_error>(error_code::memory, 5);
  check_kind<state_error>(error_code::state, 6);
}

TEST_CASE("error: kinds are apart, and copies keep everything") {
  CHECK_THROWS_AS(throw shape_error("a", {"b"}), shape_error);
  bool caught_as_another = false;
  try {
    throw shape_error("a", {"b"});
  } catch (const value_error&) {
    caught_as_another = true;
  } catch (const error& e) {
    const error copy = e;
    CHECK(std::string(copy.what()) == "[a] b");
    CHECK(copy.code() == error_code::shape);
    CHECK(copy.operation() == "a");
  }
  CHECK_FALSE(caught_as_another);
}

TEST_CASE("error: numbers of every integer type print as numbers") {
  const value_error e(
      "op", {std::uint64_t{18446744073709551615u}, " ", std::int8_t{-5}, " ", std::uint8_t{7}, " ", std::int64_t{-9}});
  CHECK(std::string(e.what()) == "[op] 18446744073709551615 -5 7 -9");
}
