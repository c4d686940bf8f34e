// Shows: (threads beside the caller)
// Workers run beside the caller and are waited for; a monitor hands work from one thread to another.
#include <inlay/core/worker.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <utility>
#include <vector>

using namespace inlay;

TEST_CASE("worker: runs on a thread of its own and is waited for") {
  const pthread_t here = pthread_self();
  bool elsewhere = false;
  {
    detail::worker first([&] { elsewhere = pthread_equal(here, pthread_self()) == 0; });
    const detail::worker moved(std::move(first));
  }
  CHECK(elsewhere);
}

TEST_CASE("worker: keeps what it was given until it has run, and no longer") {
  const auto held = std::make_shared<int>(7);
  int seen = 0;
  {
    const detail::worker w([held, &seen] { seen = *held; });
  }
  CHECK(seen == 7);
  CHECK(held.use_count() == 1);
}

TEST_CASE("monitor: every waiting thread sees the change it waits for") {
  detail::monitor monitor;
  int turn = 0;
  std::vector<int> order;
  {
    std::vector<detail::worker> workers;
    for (int mine = 3; mine >= 0; --mine)
      workers.emplace_back([&, mine] {
        {
          const detail::monitor_lock lock(monitor);
          monitor.wait_until([&] { return turn == mine; });
          order.push_back(mine);
          ++turn;
        }
        monitor.notify_all();
      });
  }
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}
