// Shows: cosine and triplet
// Losses of embeddings against PyTorch and central differences; vectors of length 0, equal vectors.
#include <inlay/loss/embedding.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/softmax.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;

namespace {

constexpr reduction mean_of = reduction::mean, sum_of = reduction::sum, none = reduction::none;
const support::numbers dy{1, -2, 0.5, 3};

// f(0), f(1), … as (4, 3)
template <class F> tensor<double> made_by(F&& f) {
  tensor<double> out({4, 3});
  out.write([&](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = f(static_cast<double>(i));
  });
  return out;
}

// torch.arange(12.0).mul(0.7).sin().mul(3), torch.arange(12.0).cos().reshape(4, 3).softmax(1), x.flip(0) / 2
const tensor<double> x = made_by([](double i) { return 3 * std::sin(0.7 * i); }),
                     y = softmax(made_by([](double i) { return std::cos(i); })),
                     z = made_by([](double i) { return 1.5 * std::sin(0.7 * (9 + i - 6 * std::floor(i / 3))); }),
                     alike = from<double>({4}, {1, -1, -1, 1});

}  // namespace

TEST_CASE("cosine_embedding: PyTorch's values and gradients") {
  using options = loss::cosine_embedding_options;
  // F.cosine_embedding_loss(x, 10 * y, alike, margin=..., reduction=...)
  support::check_rows<options>(
      "cosine_embedding",
      [](const variables& v, const options& o) { return loss::cosine_embedding(v[0], v[1], alike, o); }, {x, y * 10.0},
      dy,
      {
          {options{.reduction = mean_of},
           {0.159363008758},
           {{-0.05862628164924, -0.01942139587022, 0.01269634193373, 0.01975280764535, 0.02913385558061,
             0.07642983714334, 0, 0, 0, -0.02331065202424, 0.01003412809076, -0.006274584113857},
            {0.01460639292698, -0.01201103276922, -0.02893803222879, 0.03263534997489, 0.01247298278718,
             -0.01401704296276, 0, 0, 0, 0.01207865957616, -0.008260106419885, -0.001281489535466}}},
          {options{.reduction = sum_of},
           {0.6374520350319},
           {{-0.234505126597, -0.07768558348089, 0.05078536773493, 0.07901123058139, 0.1165354223224, 0.3057193485734,
             0, 0, 0, -0.09324260809698, 0.04013651236304, -0.02509833645543},
            {0.05842557170794, -0.04804413107689, -0.1157521289152, 0.1305413998996, 0.04989193114873,
             -0.05606817185105, 0, 0, 0, 0.04831463830465, -0.03304042567954, -0.005125958141864}}},
          {options{.reduction = none},
           {0.5455827802394, 0.01998164483757, 0, 0.07188760995493},
           {{-0.234505126597, -0.07768558348089, 0.05078536773493, -0.1580224611628, -0.2330708446449, -0.6114386971468,
             0, 0, 0, -0.2797278242909, 0.1204095370891, -0.07529500936628},
            {0.05842557170794, -0.04804413107689, -0.1157521289152, -0.2610827997991, -0.09978386229746,
             0.1121363437021, 0, 0, 0, 0.1449439149139, -0.09912127703863, -0.01537787442559}}},
          {options{.margin = 0.25, .reduction = mean_of},
           {0.1543675975486},
           {{-0.05862628164924, -0.01942139587022, 0.01269634193373, 0, 0, 0, 0, 0, 0, -0.02331065202424,
             0.01003412809076, -0.006274584113857},
            {0.01460639292698, -0.01201103276922, -0.02893803222879, 0, 0, 0, 0, 0, 0, 0.01207865957616,
             -0.008260106419885, -0.001281489535466}}},
          {options{.margin = 0.25, .reduction = sum_of},
           {0.6174703901943},
           {{-0.234505126597, -0.07768558348089, 0.05078536773493, 0, 0, 0, 0, 0, 0, -0.09324260809698,
             0.04013651236304, -0.02509833645543},
            {0.05842557170794, -0.04804413107689, -0.1157521289152, 0, 0, 0, 0, 0, 0, 0.04831463830465,
             -0.03304042567954, -0.005125958141864}}},
          {options{.margin = 0.25, .reduction = none},
           {0.5455827802394, 0, 0, 0.07188760995493},
           {{-0.234505126597, -0.07768558348089, 0.05078536773493, 0, 0, 0, 0, 0, 0, -0.2797278242909, 0.1204095370891,
             -0.07529500936628},
            {0.05842557170794, -0.04804413107689, -0.1157521289152, 0, 0, 0, 0, 0, 0, 0.1449439149139,
             -0.09912127703863, -0.01537787442559}}},
      });
}

TEST_CASE("triplet_margin: PyTorch's values and gradients") {
  using options = loss::triplet_margin_options;
  // F.triplet_margin_loss(x, y, z, margin=..., p=..., swap=..., reduction=...)
  support::check_rows<options>(
      "triplet_margin", [](const variables& v, const options& o) { return loss::triplet_margin(v[0], v[1], v[2], o); },
      {x, y, z}, dy,
      {
          {options{.reduction = mean_of},
           {1.327297877478},
           {{-0.0369512557813, -0.01386396180713, 0.004524124937913, 0, 0, 0, 0.02650780951879, -0.007159422901913,
             -0.03948412792922, -0.02113321577478, 0.005614787101838, -0.004276767832814},
            {0.04054925480656, -0.1212649790604, -0.214826820458, 0, 0, 0, 0.1548121535235, 0.1671589708463,
             0.1029129515028, 0.01410666810498, -0.1455579374981, -0.2027656005004},
            {-0.003597999025263, 0.1351289408675, 0.2103026955201, 0, 0, 0, -0.1813199630423, -0.1599995479444,
             -0.06342882357358, 0.007026547669794, 0.1399431503963, 0.2070423683332}}},
          {options{.reduction = sum_of},
           {5.309191509914},
           {{-0.1478050231252, -0.05545584722852, 0.01809649975165, 0, 0, 0, 0.1060312380752, -0.02863769160765,
             -0.1579365117169, -0.08453286309911, 0.02245914840735, -0.01710707133126},
            {0.1621970192262, -0.4850599162416, -0.8593072818322, 0, 0, 0, 0.6192486140941, 0.6686358833851,
             0.4116518060112, 0.05642667241993, -0.5822317499924, -0.8110624020015},
            {-0.01439199610105, 0.5405157634701, 0.8412107820805, 0, 0, 0, -0.7252798521693, -0.6399981917775,
             -0.2537152942943, 0.02810619067918, 0.5597726015851, 0.8281694733327}}},
          {options{.reduction = none},
           {2.53736440383, 0, 0.5850166146666, 2.186810491417},
           {{-0.1478050231252, -0.05545584722852, 0.01809649975165, 0, 0, 0, 0.05301561903758, -0.01431884580383,
             -0.07896825585845, -0.2535985892973, 0.06737744522205, -0.05132121399377},
            {0.1621970192262, -0.4850599162416, -0.8593072818322, 0, 0, 0, 0.3096243070471, 0.3343179416926,
             0.2058259030056, 0.1692800172598, -1.746695249977, -2.433187206004},
            {-0.01439199610105, 0.5405157634701, 0.8412107820805, 0, 0, 0, -0.3626399260847, -0.3199990958887,
             -0.1268576471472, 0.08431857203753, 1.679317804755, 2.484508419998}}},
          {options{.margin = 4, .p = 1, .reduction = mean_of},
           {4.595482153822},
           {{0, 0, 0, 0, 0, 0, 0, 0, 0, -0.5, 0, 0},
            {0.25, -0.25, -0.25, -0.25, -0.25, 0.25, 0.25, 0.25, 0.25, 0.25, -0.25, -0.25},
            {-0.25, 0.25, 0.25, 0.25, 0.25, -0.25, -0.25, -0.25, -0.25, 0.25, 0.25, 0.25}}},
          {options{.margin = 4, .p = 1, .reduction = none},
           {6.509677958506, 2.362395440876, 3.728878566327, 5.78097664958},
           {{0, 0, 0, 0, 0, 0, 0, 0, 0, -6, 0, 0},
            {1, -1, -1, 2, 2, -2, 0.5, 0.5, 0.5, 3, -3, -3},
            {-1, 1, 1, -2, -2, 2, -0.5, -0.5, -0.5, 3, 3, 3}}},
          {options{.margin = 2, .swap = true, .reduction = sum_of},
           {15.67471606335},
           {{-0.1621970192262, 0.4850599162416, 0.8593072818322, 0.7992105674419, 0.2542695765841, -0.5446186292379,
             -0.6192486140941, -0.6686358833851, -0.4116518060112, -0.05642667241993, 0.5822317499924, 0.8110624020015},
            {-0.1587404321436, -0.07563026958603, -0.005277705794142, -1.338445759203, -0.8787893143189,
             -0.02035969348464, 1.386960269535, 0.7827034325879, -0.2189093792186, -0.1251146448368, 0.02487129295169,
             -0.03745484944223},
            {0.3209374513699, -0.4094296466556, -0.854029576038, 0.5392351917608, 0.6245197377348, 0.5649783227225,
             -0.7677116554413, -0.1140675492028, 0.6305611852298, 0.1815413172567, -0.6071030429441,
             -0.7736075525592}}},
          {options{.margin = 2, .swap = true, .reduction = none},
           {3.705721583794, 2.295858113426, 5.89618966856, 3.776946697566},
           {{-0.1621970192262, 0.4850599162416, 0.8593072818322, -1.598421134884, -0.5085391531681, 1.089237258476,
             -0.3096243070471, -0.3343179416926, -0.2058259030056, -0.1692800172598, 1.746695249977, 2.433187206004},
            {-0.1587404321436, -0.07563026958603, -0.005277705794142, 2.676891518405, 1.757578628638, 0.04071938696928,
             0.6934801347677, 0.391351716294, -0.1094546896093, -0.3753439345104, 0.07461387885507, -0.1123645483267},
            {0.3209374513699, -0.4094296466556, -0.854029576038, -1.078470383522, -1.24903947547, -1.129956645445,
             -0.3838558277207, -0.0570337746014, 0.3152805926149, 0.5446239517702, -1.821309128832, -2.320822657678}}},
          {options{.margin = 2, .p = 3, .swap = true, .reduction = mean_of},
           {3.70873292368},
           {{-0.007946860897213, 0.07107234558534, 0.2230523780714, 0.2048054798678, 0.02073041217192,
             -0.09510516926074, -0.1338495391299, -0.15605085537, -0.05914892334172, -0.0009808350721707,
             0.1044284605623, 0.2026448849031},
            {-0.02397234756532, -0.01912421933699, 0.002972964587238, -0.3092424299881, -0.1608149052381,
             -0.01954146131734, 0.319919867065, 0.1601586155064, -0.06637754853267, -0.009543230707835,
             0.01326637557735, -0.01153903062806},
            {0.03191920846254, -0.05194812624835, -0.2260253426586, 0.1044369501203, 0.1400844930662, 0.1146466305781,
             -0.1860703279351, -0.004107760136409, 0.1255264718744, 0.01052406578001, -0.1176948361396,
             -0.1911058542751}}},
          {options{.margin = 2, .p = 3, .swap = true, .reduction = none},
           {3.5700556533, 2.394437411724, 5.250339205608, 3.620099424086},
           {{-0.03178744358885, 0.2842893823414, 0.8922095122855, -1.638443838943, -0.1658432973754, 0.760841354086,
             -0.2676990782598, -0.31210171074, -0.1182978466834, -0.01177002086605, 1.253141526747, 2.431738618838},
            {-0.09588939026129, -0.07649687734797, 0.01189185834895, 2.473939439905, 1.286519241905, 0.1563316905387,
             0.6398397341299, 0.3203172310128, -0.1327550970653, -0.114518768494, 0.1591965069282, -0.1384683675367},
            {0.1276768338501, -0.2077925049934, -0.9041013706344, -0.835495600962, -1.120675944529, -0.9171730446247,
             -0.3721406558702, -0.008215520272819, 0.2510529437488, 0.1262887893601, -1.412338033675,
             -2.293270251301}}},
      });
}

TEST_CASE("embedding: central differences") {
  const auto angle = testing::check_gradient(
      [&](const auto& a, const auto& b) { return loss::cosine_embedding(a, b, alike, {.reduction = none}); }, x, y);
  CHECK_MESSAGE(angle.ok(), angle.text());
  const auto distance =
      testing::check_gradient([](const auto& a, const auto& b,
                                 const auto& c) { return loss::triplet_margin(a, b, c, {.margin = 2, .swap = true}); },
                              x, y, z);
  CHECK_MESSAGE(distance.ok(), distance.text());
}

TEST_CASE("triplet_margin: any of the three may be constant") {
  const loss::triplet_margin_options swapped{.margin = 2, .swap = true};
  const double expected = loss::triplet_margin(x, y, z, swapped).item();
  const autograd::tape t;
  const auto leaf = [&](const tensor<double>& of) { return t.leaf(of); };
  CHECK(loss::triplet_margin(leaf(x), y, z, swapped).item() == expected);
  CHECK(loss::triplet_margin(x, leaf(y), z, swapped).item() == expected);
  CHECK(loss::triplet_margin(x, y, leaf(z), swapped).item() == expected);
}

TEST_CASE_TEMPLATE("embedding: vectors of length 0, equal ones, long ones", T, float, double) {
  const tensor<T> zero({1, 2}), one = from<T>({1, 2}, {1, 0}), far = from<T>({1, 2}, {T(1e15), T(1e15)});
  const tensor<T> same({1}, T{1}), other({1}, T{-1});
  CHECK(loss::cosine_similarity(zero, one).item() == 0);
  CHECK(loss::cosine_similarity(far, one).item() == doctest::Approx(std::sqrt(0.5)).epsilon(1e-6));
  CHECK(loss::cosine_embedding(one, one, same).item() == 0);
  CHECK(loss::cosine_embedding(one, one, other).item() == 1);
  CHECK(loss::cosine_embedding(zero, zero, same).item() == 1);
  const variable<T> a{one};
  loss::triplet_margin(a, one, one).backward();  // distances of nearly 0
  check_close(a.grad(), {0, 0});
  const variable<T> b{one};
  loss::triplet_margin(b, far, far, {.margin = 3}).backward();
  check_close(b.grad(), {0, 0});
  CHECK(loss::triplet_margin(one, far, one).item() == doctest::Approx(std::sqrt(2.0) * 1e15).epsilon(1e-6));
  CHECK(loss::triplet_margin(one, one, far).item() == 0);
}

TEST_CASE("embedding: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::cosine_similarity(x, tensor<double>({3})),
                       "[cosine_similarity] expected prediction and target of one shape, got (4, 3) and (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::cosine_embedding(x, tensor<double>({3}), alike),
                       "[cosine_embedding] expected prediction and target of one shape, got (4, 3) and (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::cosine_embedding(x, y, tensor<double>({4, 1})),
                       "[cosine_embedding] expected a sign for each row, (4,), got (4, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::triplet_margin(x, y, tensor<double>({3})),
                       "[triplet_margin] expected prediction and target of one shape, got (4, 3) and (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::triplet_margin(x, y, z, {.p = 0}), "[norm] expected .p above 0, got 0", value_error);
}
