// fit: the training loop that a program would write itself (see the README), with callbacks, gradients gathered over
// several batches, clipping, and checkpoints from which a killed run goes on to the same bits.
//
//   const auto loss = [](const auto& scores, const auto& y) { return loss::cross_entropy(scores, y); };
//   train::fit(net, optimizer, loss, loader,
//              {.epochs = 20, .checkpoint = {.path = "run.safetensors"}, .callbacks = {&check, &best}});
#pragma once

#include "evaluate.hpp"
#include "run.hpp"

namespace inlay::inline v0_1::train {

// Trains, and returns how it ended. The loss is described in evaluate.hpp; metrics are taken of the predictions in
// training, on the way; of an epoch that was resumed within, they are of the batches that were left (NaN: of none).
// A loader that is not a module, such as a vector of batches, is resumed by reading it up to there once more.
// Buffers and weights are as the last step left them.
// Throws value_error for settings that make no sense, what the model, the loader and the callbacks throw, and io_error
// when a checkpoint cannot be read or written. An exception leaves the last checkpoint as it is.
template <module M, class Loss, class Loader, class... Metric>
summary fit(M& net, optim::optimizer& optimizer, const Loss& loss, Loader&& loader, const fit_config& config = {},
            named<Metric>... metrics) {
  autograd::tape tape{{.seed = config.seed}};
  detail::run run(config, members_of(net), optimizer);
  run.add({"model", net});
  run.add({"optimizer", optimizer});
  run.add({"tape", tape});
  if constexpr (module<std::remove_reference_t<Loader>>) run.add({"loader", loader});
  if constexpr (requires { loader.batches(); }) run.now.batches = loader.batches();

  run.start();
  std::int64_t done = module<std::remove_reference_t<Loader>> ? 0 : run.now.batch;
  while (run.next_epoch()) {
    (metrics.metric.reset(), ...);
    bool measured = false;
    for (auto& batch : loader) {
      if (done > 0 && done-- > 0) continue;
      measured = true;
      if constexpr (!detail::loss_of_batch<Loss, M, autograd::tape, decltype(batch)>) run.see(any_tensor(batch.x));
      const auto l = detail::loss_of(loss, net, tape, batch, metrics...);
      l.backward(tensor(l.shape(), static_cast<typename decltype(l)::value_type>(run.share())));
      if (!run.take(static_cast<double>(l.item()), detail::rows_of(batch))) break;
    }
    if (!run.now.stopped.empty()) break;  // within the epoch, which is none then
    done = 0;
    const double none = std::numeric_limits<double>::quiet_NaN();
    run.end_epoch({{metrics.name, measured ? static_cast<double>(metrics.metric.value()) : none}...});
  }
  return run.finish();
}

}  // namespace inlay::inline v0_1::train
