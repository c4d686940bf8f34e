// Shows: (the parser of a file's header)
// The header parser: reads every spelling that JSON and the format allow, and refuses every other with a message that
// says where; what the writer quotes, it reads back.
#include <inlay/io/safetensors_header.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

io::detail::header parse(std::string_view text, std::size_t data) {
  const std::string file = support::u64_bytes(text.size()) + std::string(text) + std::string(data, '\1');
  return io::detail::read_header("the file", {reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
}

// "name type (sizes) begin-end; …", then "key=value; …"
std::string described(const io::detail::header& header) {
  std::string out;
  for (const io::detail::entry& e : header.entries)
    out += e.name + " " + io::detail::format_name(e.type) + " " + e.sizes.text() + " " + std::to_string(e.begin) + "-" +
           std::to_string(e.end) + "; ";
  for (const auto& [key, value] : header.metadata) out += key + "=" + value + "; ";
  return out;
}

// The message of the io_error, or what was read.
std::string outcome(std::string_view text, std::size_t data) {
  try {
    return described(parse(text, data));
  } catch (const io_error& e) {
    return e.what();
  }
}

// An entry with a value of ours in one place.
std::string with_name(std::string name) {
  return "{\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
}
std::string with_type(std::string type) {
  return R"({"a":{"dtype":)" + type + R"(,"shape":[1],"data_offsets":[0,1]}})";
}
std::string with_shape(std::string sizes) {
  return R"({"a":{"dtype":"U8","shape":)" + sizes + R"(,"data_offsets":[0,1]}})";
}
std::string with_offsets(std::string offsets) {
  return R"({"a":{"dtype":"U8","shape":[1],"data_offsets":)" + offsets + "}}";
}
std::string with_metadata(std::string object) { return R"({"__metadata__":)" + object + "}"; }

const std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";

}  // namespace

TEST_CASE("header: all that the format allows") {
  const struct {
    std::string text;
    std::size_t data;
    std::string expected;
  } table[] = {
      {"{}", 0, ""},
      {"{}      ", 0, ""},
      {"{}\r \t\n", 0, ""},
      {"{\n\t}", 0, ""},
      {"{" + one + "}", 1, "a U8 (1,) 0-1; "},
      {"{ \"a\" :\t{ \"dtype\"\r:\n\"U8\" , \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 1 ] } } ", 1,
       "a U8 (1,) 0-1; "},
      {R"({"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}})", 1, "a U8 (1,) 0-1; "},
      {R"({"\u0061":{"\u0064type":"\u00558","sh\u0061pe":[1],"data\u005foffsets":[0,1]}})", 1, "a U8 (1,) 0-1; "},
      {R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})",
       16, "a I64 () 0-8; b F32 (2,) 8-16; "},
      {R"({"a":{"dtype":"F64","shape":[1,1,1,2,1,1,1,1],"data_offsets":[0,16]}})", 16,
       "a F64 (1, 1, 1, 2, 1, 1, 1, 1) 0-16; "},
      {R"({"a":{"dtype":"I32","shape":[2,0],"data_offsets":[0,0]}})", 0, "a I32 (2, 0) 0-0; "},
      {R"({"b":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"c":{"dtype":"BOOL","shape":[0],"data_offsets":[1,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "b I8 (1,) 0-1; c BOOL (0,) 1-1; a U8 (1,) 1-2; "},
      {with_name(""), 1, " U8 (1,) 0-1; "},
      {with_name("a.b/c d"), 1, "a.b/c d U8 (1,) 0-1; "},
      {with_name("é€𝄞\x7F"), 1, "é€𝄞\x7F U8 (1,) 0-1; "},
      {with_name(R"(\u00e9\u20AC\ud834\udd1e)"), 1, "é€𝄞 U8 (1,) 0-1; "},
      {with_name(R"(\uD800\uDC00\udbff\udfff)"), 1, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF U8 (1,) 0-1; "},
      {with_name(R"(\"\\\/\b\f\n\r\t)"), 1, "\"\\/\b\f\n\r\t U8 (1,) 0-1; "},
      {with_name(R"(\u0000\u001f\u007f)"), 1, "\0\x1F\x7F U8 (1,) 0-1; "s},
      {with_name("__Metadata__"), 1, "__Metadata__ U8 (1,) 0-1; "},
      {with_metadata("{}"), 0, ""},
      {with_metadata(R"({"b":"","":"x","a":"\n{\u0041}"})"), 0, "=x; a=\n{A}; b=; "},
      {R"({"__metadata__":{"k":"v"},)" + one + "}", 1, "a U8 (1,) 0-1; k=v; "},
      {"{" + one + R"(,"__metadata__":{"k":"v"}})", 1, "a U8 (1,) 0-1; k=v; "},
  };
  for (const auto& row : table) {
    INFO(row.text);
    CHECK(outcome(row.text, row.data) == row.expected);
  }
}

TEST_CASE("header: all else is refused, with the place") {
  const struct {
    std::string text;
    const char* expected;  // of the message; the file has one byte of data
  } table[] = {
      // not an object
      {"", "starts with '{'"},
      {" ", "starts with '{'"},
      {" {}", "starts with '{'"},
      {"[]", "starts with '{'"},
      {"null", "starts with '{'"},
      {"\"a\"", "starts with '{'"},
      {"\xFF", "starts with '{'"},
      {"\xEF\xBB\xBF{}", "starts with '{'"},
      {"\0{}"s, "starts with '{'"},
      {"{", "expected a '\"' at byte 9"},
      {"{\"", "the end of a string at byte 10"},
      {"{}}", "nothing but spaces after the header at byte 10"},
      {"{}{}", "nothing but spaces"},
      {"{}\0"s, "nothing but spaces"},
      {"{},", "nothing but spaces"},
      {"{}\v", "nothing but spaces"},
      {"{,}", "a '\"' at byte 9"},
      {"{" + one + ",}", "a '\"'"},
      {"{" + one, "a '}'"},
      {"{" + one + one + "}", "a '}'"},
      {"{\xC2\xA0}", "a '\"'"},
      {"{//\n}", "a '\"'"},
      {"{'a':1}", "a '\"'"},
      {"{a:1}", "a '\"'"},
      {"{\"a\"}", "a ':'"},
      {"{\"a\",1}", "a ':'"},
      // an entry that is none
      {R"({"a":1})", "a '{'"},
      {R"({"a":[]})", "a '{'"},
      {R"({"a":"b"})", "a '{'"},
      {R"({"a":null})", "a '{'"},
      {R"({"a":{}})", "a '\"'"},
      {R"({"a":{"a":{"a":{}}}})", "each of dtype, shape and data_offsets once"},
      {R"({"a":{"dtype":"U8","shape":[1]}})", "dtype, shape and data_offsets of a"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "dtype, shape and data_offsets of a"},
      {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "dtype, shape and data_offsets of a"},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "once"},
      {R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})", "once"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}})", "once"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", "nothing else"},
      {R"({"a":{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}})", "nothing else"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],}})", "a '\"'"},
      {with_type("1"), "a '\"'"},
      {with_type("null"), "a '\"'"},
      {with_type("[\"U8\"]"), "a '\"'"},
      // numbers
      {with_shape("1"), "a '['"},
      {with_shape("{}"), "a '['"},
      {with_shape("null"), "a '['"},
      {with_shape("[1"), "a whole number"},
      {with_shape("[1,]"), "a whole number"},
      {with_shape("[,1]"), "a whole number"},
      {with_shape("[-1]"), "a whole number"},
      {with_shape("[+1]"), "a whole number"},
      {with_shape("[01]"), "a whole number"},
      {with_shape("[00]"), "a whole number"},
      {with_shape("[1.0]"), "a ']'"},
      {with_shape("[1e0]"), "a ']'"},
      {with_shape("[.1]"), "a whole number"},
      {with_shape("[1 1]"), "a ']'"},
      {with_shape("[0x1]"), "a ']'"},
      {with_shape("[\"1\"]"), "a whole number"},
      {with_shape("[true]"), "a whole number"},
      {with_shape("[[1]]"), "a whole number"},
      {with_shape("[NaN]"), "a whole number"},
      {with_shape("[1,1,1,1,1,1,1,1,1]"), "at most 8 numbers"},
      {with_shape("[9223372036854775808]"), "a number below 2^63"},
      {with_shape("[18446744073709551617]"), "a number below 2^63"},
      {with_shape("[1000000000000000000000000000000]"), "a number below 2^63"},
      {with_shape("[2,18446744073709551614]"), "a number below 2^63"},
      {with_shape("[2,9223372036854775807]"), "does not overflow"},
      {with_shape("[4294967296,4294967296]"), "does not overflow"},
      {with_shape("[0,9223372036854775807]"), "does not overflow"},
      {with_offsets("[]"), "two offsets"},
      {with_offsets("[0]"), "two offsets"},
      {with_offsets("[0,1,1]"), "at most 2 numbers"},
      {with_offsets("[0,9223372036854775808]"), "a number below 2^63"},
      {with_offsets("[-1,0]"), "a whole number"},
      // places and sizes
      {with_offsets("[0,0]"), "a (1,) of uint8 to have its size in bytes, got 0"},
      {with_offsets("[1,1]"), "a to begin at 0, got offsets 1 and 1"},
      {with_offsets("[1,0]"), "a to begin at 0"},
      {with_offsets("[0,2]"), "end within the file, got offset 2 of 1"},
      {with_offsets("[0,9223372036854775807]"), "end within the file"},
      {with_shape("[2]"), "a (2,) of uint8 to have its size in bytes, got 1"},
      {with_shape("[0]"), "to have its size in bytes"},
      {with_shape("[72057594037927936]"), "to have its size in bytes"},
      {R"({"a":{"dtype":"F64","shape":[72057594037927936],"data_offsets":[0,1]}})", "to have its size in bytes"},
      {"{}", "the last tensor to end the file, got 1 bytes more"},
      {"{" + one + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "b to begin at 1, got offsets 0 and 1"},
      {"{" + one + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", "b to begin at 1, got offsets 2 and 3"},
      // names
      {"{" + one + "," + one + "}", "names that differ, got a twice"},
      {"{" + one + R"(,"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})", "names that differ, got a twice"},
      {with_name("\x1F"), "no control characters"},
      {with_name("\n"), "no control characters"},
      {with_name("\0"s), "no control characters"},
      {with_name("\\x"), "an escape that JSON has"},
      {with_name("\\'"), "an escape that JSON has"},
      {with_name("\\\n"), "an escape that JSON has"},
      {with_name("\\0"), "an escape that JSON has"},
      {with_name("\\U00e9"), "an escape that JSON has"},
      {"{\"\\", "the end of a string"},
      {with_name("\\u12"), "four hexadecimal digits"},
      {with_name("\\u12g4"), "four hexadecimal digits"},
      {with_name("\\u+123"), "four hexadecimal digits"},
      {"{\"\\u12", "four hexadecimal digits"},
      {with_name("\\ud800"), "second half of a surrogate pair"},
      {with_name("\\ud800x"), "second half of a surrogate pair"},
      {with_name("\\ud800\\n"), "second half of a surrogate pair"},
      {with_name("\\ud800\\ud800"), "second half of a surrogate pair"},
      {with_name("\\ud800\\ue000"), "second half of a surrogate pair"},
      {with_name("\\ud800\\u0041"), "second half of a surrogate pair"},
      {with_name("\\udc00"), "first half of a surrogate pair"},
      {with_name("\\udfff\\ud800"), "first half of a surrogate pair"},
      {"{\"\\ud800", "second half of a surrogate pair"},
      {"{\"\\ud800\\u", "four hexadecimal digits"},
      {with_name("\x80"), "UTF-8"},
      {with_name("\xC3"), "UTF-8"},
      {with_name("\xC0\xAF"), "UTF-8"},
      {with_name("\xED\xA0\x80"), "UTF-8"},
      {with_name("\xF4\x90\x80\x80"), "UTF-8"},
      {with_name("\xFF"), "UTF-8"},
      {"{}\xE2\x82", "UTF-8"},
      // metadata
      {with_metadata("null"), "a '{'"},
      {with_metadata("\"x\""), "a '{'"},
      {with_metadata("[]"), "a '{'"},
      {with_metadata("{\"k\"}"), "a ':'"},
      {with_metadata("{\"k\":1}"), "a '\"'"},
      {with_metadata("{\"k\":null}"), "a '\"'"},
      {with_metadata("{\"k\":{}}"), "a '\"'"},
      {with_metadata("{\"k\":[\"v\"]}"), "a '\"'"},
      {with_metadata("{\"k\":\"v\",}"), "a '\"'"},
      {with_metadata("{\"k\":\"v\""), "a '}'"},
      {with_metadata("{\"k\":\"v\",\"k\":\"v\"}"), "metadata keys that differ"},
      {with_metadata("{\"k\":\"v\",\"\\u006b\":\"w\"}"), "metadata keys that differ"},
      {R"({"__metadata__":{},"__metadata__":{}})", "__metadata__ once"},
      {"{\"__metadata__\":{}," + with_name("__metadata__").substr(1), "__metadata__ once"},
      {with_name("__metadata__"), "a '\"'"},
  };
  for (const auto& row : table) {
    INFO(row.text);
    const std::string message = outcome(row.text, 1);
    CHECK(message.starts_with("[safetensors] expected "));
    CHECK_MESSAGE(message.find(row.expected) != std::string::npos, message, " without ", std::string(row.expected));
    CHECK_MESSAGE(message.find("the file") != std::string::npos, message);
  }
}

TEST_CASE("header: element types") {
  const std::pair<std::string, dtype> known[] = {
      {"F32", dtype::float32},  {"F64", dtype::float64}, {"I32", dtype::int32},
      {"I64", dtype::int64},    {"U8", dtype::uint8},    {"I8", dtype::int8},
      {"BOOL", dtype::boolean}, {"F16", dtype::float16}, {"BF16", dtype::bfloat16}};
  for (const auto& row : known) {
    INFO(row.first);
    const std::string size = std::to_string(size_of(row.second)), quoted = '"' + row.first + '"';
    const io::detail::header read =
        parse(R"({"a":{"dtype":)" + quoted + R"(,"shape":[1],"data_offsets":[0,)" + size + "]}}",
              static_cast<std::size_t>(size_of(row.second)));
    CHECK(read.entries.at(0).type == row.second);
    CHECK(io::detail::format_name(row.second) == row.first);
  }
  for (const char* unknown :
       {"U16", "I16", "U32", "U64", "C64", "F8_E5M2", "F8_E4M3", "F4", "f32", "F32 ", "float32", ""}) {
    INFO(unknown);
    const std::string expected =
        std::string("[safetensors] expected an element type of F32, F64, F16, BF16, I32, I64, U8, I8 or BOOL, got ") +
        unknown + " in the file";
    CHECK_THROWS_WITH_AS(parse(with_type(std::string("\"") + unknown + '"'), 1), expected.c_str(), type_error);
  }
}

TEST_CASE("header: quoted text reads back as it was") {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  for (const std::string& text : {""s, "plain"s, "\"\\\"\\\\"s, "\\u0041"s, all, "é€𝄞"s}) {
    INFO(text);
    const std::string quoted = io::detail::quoted(text);
    CHECK(parse(with_metadata("{" + quoted + ":" + quoted + "}"), 0).metadata ==
          decltype(io::detail::header::metadata){{text, text}});
  }
  CHECK(io::detail::quoted("a\"b\\c\n\x1F\x7Fé") == "\"a\\\"b\\\\c\\u000a\\u001f\x7Fé\"");
}
