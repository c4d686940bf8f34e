// Shows: several modules in one file
// Modules that are saved and loaded as one.
#include <inlay/io/bundle.hpp>

#include <inlay/autograd/tape.hpp>
#include <inlay/io/save.hpp>
#include <inlay/nn/dense.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;

TEST_CASE("bundle: what is saved together is loaded together, each part under its name") {
  const support::temporary_folder folder;
  nn::dense<float> net{{.in = 2, .out = 3}}, other{{.in = 2, .out = 3}};
  autograd::tape tape{{.seed = 5}}, fresh{{.seed = 6}};
  std::int64_t epoch = 7, read = 0;
  random::uniform<float>(tape.random(), {10});

  io::bundle from{{"model", net}, {"tape", tape}}, to{{"model", other}, {"tape", fresh}};
  from.add({"epoch", epoch});
  to.add({"epoch", read});
  io::save(from, folder / "run");
  io::load(to, folder / "run");

  CHECK(support::same_bits(other.weight.value(), net.weight.value()));
  CHECK(read == 7);
  CHECK(support::same_bits(random::uniform<float>(fresh.random(), {9}), random::uniform<float>(tape.random(), {9})));

  io::bundle part{{"model", net}};
  CHECK_THROWS_AS(io::load(part, folder / "run"), io_error);
  CHECK(io::load(part, folder / "run", {.strict = false}).unexpected.size() == 4);

  io::bundle twice{{"model", net}, {"model", other}};
  CHECK_THROWS_WITH_AS(io::save(twice, folder / "twice"),
                       "[members] expected names that differ, got two members named model.weight", value_error);
}
