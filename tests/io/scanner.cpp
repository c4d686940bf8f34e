// Shows: (what readers of text in files share)
// Characters, words, numbers and spaces of the caller's choice; errors name the byte of the file.
#include <inlay/io/scanner.hpp>

#include <doctest/doctest.h>

using namespace inlay;
using io::detail::scanner;

namespace {

const std::string path = "some.txt";

template <class F> std::string message_of(F&& f) {
  try {
    f();
  } catch (const io_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("scanner: pieces, with spaces before them") {
  scanner in("read", path, " { True 12 ,9223372036854775807} ", 0, " ");
  CHECK_FALSE(in.accept('['));
  CHECK(in.accept('{'));
  CHECK_FALSE(in.accept("Truth"));
  CHECK(in.accept("True"));
  CHECK(in.number() == 12);
  in.expect(',');
  CHECK(in.number() == 9223372036854775807);
  in.expect('}');
  CHECK_FALSE(in.accept('}'));
  in.end("it");
}

TEST_CASE("scanner: what counts as a space is the caller's") {
  CHECK(scanner("read", path, "\t1", 0, " \t").number() == 1);
  CHECK(message_of([] { scanner("read", path, "\t1", 0, " ").number(); }) ==
        "[read] expected a whole number at byte 0 of some.txt");
}

TEST_CASE("scanner: errors count from the file's beginning") {
  CHECK(message_of([] { scanner("read", path, "  x", 40, " ").expect(':'); }) ==
        "[read] expected a ':' at byte 42 of some.txt");
  CHECK(message_of([] {
          scanner("read", path, "9223372036854775808", 0, " ").number();
        }).starts_with("[read] expected a number below 2^63"));
  CHECK(message_of([] { scanner("read", path, "01", 0, " ").number(); }).starts_with("[read] expected a whole number"));
  CHECK(message_of([] { scanner("read", path, " x", 5, " ").end("the list"); }) ==
        "[read] expected nothing but spaces after the list at byte 6 of some.txt");
}
