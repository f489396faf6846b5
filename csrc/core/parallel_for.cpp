#include "core/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/check.h"
#include "core/cpu_limit.h"

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

namespace irs {
namespace {

constexpr int max_threads = 1024;
constexpr int ranges_per_thread = 4;  // so that a thread that the system holds up does not hold up the others

thread_local bool inside_parallel_for = false;

// One call of parallel_for: threads take ranges from it until none are left.
struct Job {
  detail::RangeFunction function;
  void* context;
  std::int64_t count, step;
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error{};

  void work() {
    inside_parallel_for = true;
    while (!failed.load(std::memory_order_relaxed)) {
      const std::int64_t begin = next.fetch_add(step, std::memory_order_relaxed);
      if (begin >= count) break;
      try {
        function(context, begin, std::min(begin + step, count));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
    inside_parallel_for = false;
  }
};

// Workers sleep until a job has a free seat: spinning would take the CPU from the very threads that are
// waited for. The pool grows to what was asked for, and its threads end with the process.
class Pool {
 public:
  // False when another thread is using the pool.
  bool try_run(Job& job, int threads) {
    std::unique_lock<std::mutex> in_use(in_use_, std::try_to_lock);
    if (!in_use) return false;
    grow(threads - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      seats_ = std::min(threads - 1, workers_);
    }
    wake_.notify_all();
    job.work();
    std::unique_lock<std::mutex> lock(mutex_);
    seats_ = 0;  // whoever has not woken up by now is not needed
    done_.wait(lock, [this] { return working_ == 0; });
    return true;
  }

 private:
  void grow(int wanted) {
    const BlockedSignals blocked;
    for (; workers_ < wanted; ++workers_) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        return;  // the system gives no more threads: do with what there is
      }
    }
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return seats_ > 0; });
      --seats_;
      ++working_;
      Job& job = *job_;
      lock.unlock();
      job.work();
      lock.lock();
      if (--working_ == 0) done_.notify_one();
    }
  }

  // Threads inherit the mask: signals are for the threads of Python.
  class BlockedSignals {
#if !defined(_WIN32)
   public:
    BlockedSignals() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

   private:
    sigset_t before_;
#endif
  };

  std::mutex in_use_;
  int workers_ = 0;  // guarded by in_use_

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int seats_ = 0, working_ = 0;
};

std::atomic<Pool*> the_pool{nullptr};

// A forked child has none of the threads and perhaps a locked mutex: it leaves this pool and makes its own.
void forget_pool() { the_pool.store(nullptr); }

Pool& pool() {
  Pool* existing = the_pool.load();
  if (existing) return *existing;
#if !defined(_WIN32)
  static std::atomic<bool> registered{false};
  if (!registered.exchange(true)) pthread_atfork(nullptr, nullptr, forget_pool);
#endif
  Pool* made = new Pool;  // never deleted: its threads use it until the process ends
  if (the_pool.compare_exchange_strong(existing, made)) return *made;
  delete made;
  return *existing;
}

// 0 when the variable is not set.
int num_threads_variable() {
  const char* text = std::getenv("IRS_NUM_THREADS");
  if (!text || !*text) return 0;
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(text, &end, 10);
  check(errno == 0 && *end == '\0' && value >= 1 && value <= max_threads,
        "IRS_NUM_THREADS: expected a number from 1 to ", max_threads, ", got '", text, "'");
  return static_cast<int>(value);
}

std::atomic<int> chosen_threads{0};  // 0: not yet decided

}  // namespace

int num_threads() {
  int count = chosen_threads.load(std::memory_order_relaxed);
  if (count) return count;
  const int asked = num_threads_variable();
  const int decided = asked ? asked : std::min(usable_cpus(), max_threads);
  return chosen_threads.compare_exchange_strong(count, decided) ? decided : count;
}

void set_num_threads(int count) {
  check(count >= 1 && count <= max_threads, "threads: expected 1 to ", max_threads, ", got ", count);
  chosen_threads.store(count, std::memory_order_relaxed);
}

void check_num_threads_variable() { num_threads_variable(); }

void detail::run_ranges(std::int64_t count, std::int64_t grain, RangeFunction function, void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t most = (count + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<std::int64_t>(most, inside_parallel_for ? 1 : num_threads()));
  if (threads > 1) {
    const std::int64_t pieces = static_cast<std::int64_t>(threads) * ranges_per_thread;
    Job job{function, context, count, std::max(grain, (count + pieces - 1) / pieces)};
    if (pool().try_run(job, threads)) {
      if (job.error) std::rethrow_exception(job.error);
      return;
    }
  }
  function(context, 0, count);
}

}  // namespace irs
