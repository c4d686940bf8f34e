// Shows: Adagrad
// Adagrad step by step as torch.optim.Adagrad, on rows too; the same bits for any number of threads.
#include <inlay/optim/adagrad.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/sparse_rows.hpp>

#include "optim/traces.hpp"

using namespace inlay;
using optim::adagrad;
using optim::adagrad_config;

namespace {

struct course {
  const char* name;
  adagrad_config config;
  std::vector<support::numbers> after;  // steps 1, 2, 5, 12: w, then b
};

const course table[] = {
    {"Adagrad()",
     {},
     {{0.49000000000163996, -0.9900000000007193, 1.99000000000164, 0.2400000000007092, -0.7599999999988826},
      {0.4831430755083959, -0.9829153633162798, 1.9830499330361107, 0.2329355989873504, -0.7670019678625541},
      {0.4688547812106838, -0.9676123311260957, 1.9683395322485557, 0.21771700503334576, -0.781953330695797},
      {0.4478495641170066, -0.943665232295475, 1.9460694339077063, 0.1939905368377761, -0.8049599988189235}}},
    {"Adagrad(lr=0.1, lr_decay=0.25, weight_decay=0.1)",
     {.learning_rate = 0.1, .learning_rate_decay = 0.25, .weight_decay = 0.1},
     {{0.4000000000151568, -0.9000000000067103, 1.9000000000123491, 0.1500000000069685, -0.8499999999878031},
      {0.3670863684747904, -0.8426517541652876, 1.8524852103740426, 0.09446509845336482, -0.8995299695483088},
      {0.3472338326796135, -0.7517313716994048, 1.7885724245664534, 0.0062278396430192305, -0.9741616502222769},
      {0.36488007616375856, -0.6670713837573873, 1.7417534594220119, -0.07750455015502787, -1.0435805767198612}}},
    {"Adagrad(lr=0.1, initial_accumulator_value=0.5, eps=1e-3)",
     {.learning_rate = 0.1, .initial_accumulator = 0.5, .epsilon = 1e-3},
     {{0.4347639315028382, -0.910924037952381, 1.9347639315028382, 0.1606671193978612, -0.828392944326908},
      {0.39976829508128386, -0.8433452590923456, 1.8916199358759997, 0.09375174745373614, -0.8850441602715808},
      {0.3758569474806298, -0.6916984041130975, 1.825773682501541, -0.05637085129626819, -1.0065736396944798},
      {0.471788413262489, -0.44776885961259544, 1.858344758756467, -0.3071240270119011, -1.1997583564999132}}},
    {"Adagrad([w, {b, lr=0.05, weight_decay=0}], lr=0.1, weight_decay=0.1)",
     {.learning_rate = 0.1,
      .weight_decay = 0.1,
      .groups = {{.match = "b", .learning_rate_scale = 0.5, .weight_decay = 0.0}}},
     {{0.4000000000151568, -0.9000000000067103, 1.9000000000123491, 0.20000000000354604, -0.7999999999944126},
      {0.3507517676171297, -0.8300993413728028, 1.836063947463409, 0.16548252468580865, -0.8329170918129379},
      {0.3015226985922904, -0.681448155777047, 1.7155593476192852, 0.09117254794528598, -0.9008533587168749},
      {0.34223479693111947, -0.4542963446674577, 1.5839029014862955, -0.030404983619441547, -1.0061828146004699}}},
};

struct matrix {
  parameter<float> w{support::made_up<float>({9, 5}, 1)};
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

}  // namespace

TEST_CASE_TEMPLATE("adagrad: torch.optim.Adagrad's weights, step by step", T, float, double) {
  for (const course& t : table) traces::check<T, adagrad>(t.name, t.config, t.after);
}

TEST_CASE("adagrad: rows of a gradient move as those of a dense one, and no others") {
  for (const double decay : {0.0, 0.1}) {
    const adagrad_config config{.learning_rate_decay = 0.5, .weight_decay = decay, .initial_accumulator = 0.25};
    support::for_each_isa([&](isa) {
      matrix rows, dense;
      adagrad of_rows{rows, config}, of_dense{dense, config};
      for (std::uint64_t step = 0; step < 6; ++step) {
        const auto first = static_cast<std::int64_t>(step % 3), second = static_cast<std::int64_t>(4 + step % 4);
        const auto gradient = detail::sparse_rows<float>::gradient({9, 5}, from<std::int64_t>({2}, {first, second}),
                                                                   support::made_up<float>({2, 5}, 10 + step));
        rows.w.shared_cell()->accumulate(gradient, [](auto&, const auto&) {});
        dense.w.shared_cell()->accumulate(from<float>({9, 5}, gradient.values()), [](auto&, const auto&) {});
        of_rows.step();
        CHECK((rows.w.grad().representation() != nullptr));
        of_dense.step();
        of_rows.zero_grad();
        of_dense.zero_grad();
      }
      CHECK(support::same_bits(rows.w.value(), dense.w.value()));
      CHECK((rows.w.value()(8, 0) == matrix().w.value()(8, 0)) == (decay == 0));
    });
  }
}

TEST_CASE("adagrad: the same bits for any number of threads") {
  traces::check_threads<float, adagrad>(adagrad_config{.learning_rate_decay = 0.5, .weight_decay = 0.1});
}

TEST_CASE("adagrad: numbers out of range") {
  traces::model<float> m;
  const char* text = "[adagrad] expected .learning_rate_decay, .initial_accumulator and .epsilon of 0 or more";
  CHECK_THROWS_WITH_AS(adagrad(m, {.learning_rate_decay = -1}), text, value_error);
  CHECK_THROWS_WITH_AS(adagrad(m, {.initial_accumulator = NAN}), text, value_error);
  CHECK_THROWS_WITH_AS(adagrad(m, {.epsilon = -1}), text, value_error);
  CHECK_THROWS_WITH_AS(adagrad(m, {.weight_decay = -1}), "[adagrad] expected .weight_decay of 0 or more, got -1",
                       value_error);
  CHECK_THROWS_AS(adagrad(m, {.learning_rate = -1}), value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);
}
