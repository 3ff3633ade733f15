// base/threads.ipp - the body of threads.hpp: OpenMP's threads, a spinning barrier, and what the system
// grants.
#pragma once

#include <cfenv>
#include <cstdlib>
#include <fstream>
#include <future>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif
#include <unistd.h>

#include <linnet/base/error.hpp>
#include <linnet/base/threads.hpp>

namespace linnet {

namespace detail {

/// Starts that many threads at once and ends them again. @throws Error(out_of_memory) where the system
/// refuses.
LINNET_INLINE void try_threads(int count) {
  std::vector<std::thread> threads;
  std::promise<void> done;
  const std::shared_future<void> wait = done.get_future().share();
  bool refused = false;
  try {
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) threads.emplace_back([&wait] { wait.wait(); });
  } catch (...) {  // std::system_error, or no memory for what the library keeps of a thread
    refused = true;
  }
  done.set_value();
  for (std::thread& thread : threads) thread.join();
  if (refused)
    fail(ErrorCode::out_of_memory, "cannot start ", count,
         " threads: the system refused; use fewer, or raise the limits (ulimit -v, ulimit -u)");
}

/// While it lives, this thread computes as a program begins: it rounds to nearest, keeps subnormal numbers,
/// and never traps. Bits would depend on who computes what where threads differ in that.
class UsualFloats {
 public:
  UsualFloats() noexcept {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  UsualFloats(const UsualFloats&) = delete;
  ~UsualFloats() { std::fesetenv(&before_); }

 private:
  std::fenv_t before_;
};

/// Whether the threads that OpenMP keeps for this one stayed behind in a parent process: a parallel region
/// would wait for them for ever. Asked before each region.
LINNET_INLINE bool has_lost_threads() {
  thread_local pid_t process = 0;  // in which this thread first opened a region
  const pid_t present = getpid();
  if (process == 0) process = present;
  return process != present;
}

}  // namespace detail

LINNET_INLINE ThreadTeam::ThreadTeam(int threads)
    : size_(threads), crowded_(threads > granted_thread_count()), shared_(std::make_unique<Shared>()) {
  if (threads < 1 || threads > 1024)
    fail(ErrorCode::invalid_argument, "threads: expected 1 to 1024, got ", threads);
#ifdef _OPENMP
  // OpenMP ends the program where it cannot start a thread. So threads that may fail go first, and OpenMP's
  // own follow at once, in the memory that those leave behind; it keeps them.
  thread_local int started = 1;
  if (threads > started) {
    detail::try_threads(threads);
    run([](Member&) {});
  }
  started = threads;
#endif
}

// OpenMP's own start and end of a region are invisible to ThreadSanitizer; `started` and `finished` say the
// same in atomics. They are set outside of launch(), which is not instrumented: the compiler puts reads of
// its own into the region.
__attribute__((noinline)) LINNET_INLINE void ThreadTeam::hand_over(Entry entry, void* context) {
  shared_->entry = entry;
  shared_->context = context;
  shared_->arrived.value.store(0, std::memory_order_relaxed);
  for (Counter& counter : shared_->next) counter.value.store(0, std::memory_order_relaxed);
  shared_->slept.value.store(0, std::memory_order_relaxed);
  shared_->finished.value.store(0, std::memory_order_relaxed);
  shared_->started.value.fetch_add(1, std::memory_order_release);
}

__attribute__((noinline)) LINNET_INLINE void ThreadTeam::take_back() {
  while (shared_->finished.value.load(std::memory_order_acquire) != running_) std::this_thread::yield();
}

/// Runs the job in threads that are started for it, as many as the system gives.
LINNET_INLINE void ThreadTeam::launch_without_openmp(int members) {
  std::vector<std::thread> others;
  std::promise<void> counted;
  const std::shared_future<void> wait = counted.get_future().share();
  try {
    others.reserve(static_cast<std::size_t>(members - 1));
    for (int i = 1; i < members; ++i)
      others.emplace_back([this, &wait, i] {
        wait.wait();
        enter(*shared_, *this, i);
      });
  } catch (...) {  // those that there are do all of it
  }
  running_ = 1 + static_cast<int>(others.size());
  counted.set_value();
  enter(*shared_, *this, 0);
  for (std::thread& thread : others) thread.join();
}

__attribute__((no_sanitize("thread"))) LINNET_INLINE void ThreadTeam::launch(int members, Entry entry,
                                                                             void* context) {
  hand_over(entry, context);
  ThreadTeam* const team = this;
  Shared* const shared = shared_.get();  // a member of this team may be read only after `started`
#ifdef _OPENMP
  if (members > 1 && detail::has_lost_threads()) return launch_without_openmp(members);
  if (members > 1) {
#pragma omp parallel num_threads(members)
    {
#pragma omp single
      team->running_ = omp_get_num_threads();
      enter(*shared, *team, omp_get_thread_num());
    }
    take_back();
    return;
  }
#endif
  running_ = 1;
  enter(*shared, *team, 0);
}

__attribute__((noinline)) LINNET_INLINE void ThreadTeam::enter(Shared& shared, ThreadTeam& team, int index) {
  shared.started.value.load(std::memory_order_acquire);
  const detail::UsualFloats floats;
  Member member(team, index);
  shared.entry(shared.context, member);
  shared.finished.value.fetch_add(1, std::memory_order_release);
}

LINNET_INLINE void ThreadTeam::Member::barrier() noexcept {
  const int members = count();
  if (members == 1) return;
  Shared& shared = *team_.shared_;
  const std::uint32_t round = shared.round.load(std::memory_order_relaxed);
  if (shared.arrived.value.fetch_add(1, std::memory_order_acq_rel) == members - 1) {
    shared.arrived.value.store(0, std::memory_order_relaxed);
    shared.round.store(round + 1, std::memory_order_release);
    shared.round.notify_all();
    return;
  }
  // Spin briefly, since the others are at most a chunk behind. A team that is larger than the machine lets
  // them have the core instead: it may be the one that they wait for. Then sleep.
  const int spins = team_.crowded_ ? 0 : 2000, yields = team_.crowded_ ? 200 : 0;
  for (int i = 0; i < spins + yields; ++i) {
    if (shared.round.load(std::memory_order_acquire) != round) return;
    if (i >= spins) {
      std::this_thread::yield();
    } else {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
  const auto asleep = std::chrono::steady_clock::now();
  while (shared.round.load(std::memory_order_acquire) == round)
    shared.round.wait(round, std::memory_order_acquire);
  const std::chrono::nanoseconds slept = std::chrono::steady_clock::now() - asleep;
  shared.slept.value.fetch_add(slept.count(), std::memory_order_relaxed);
}

LINNET_INLINE double ThreadTeam::mean_wait() const noexcept {
  if (running_ == 1) return 0;
  return 1e-9 * static_cast<double>(shared_->slept.value.load(std::memory_order_relaxed)) / (running_ - 1);
}

namespace detail {

/// The first line of a small file, or "" where it cannot be read.
LINNET_INLINE std::string first_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The folders in which this process's control groups keep their limits, innermost first.
/// Source: cgroups(7), the format of /proc/self/cgroup.
LINNET_INLINE std::set<std::filesystem::path> cgroup_folders(const std::filesystem::path& root) {
  std::set<std::filesystem::path> folders;
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::filesystem::path mount = root / "sys/fs/cgroup" / (controllers.empty() ? "" : "cpu");
    if (!controllers.empty() && (',' + controllers + ',').find(",cpu,") == std::string::npos) continue;
    // A limit of any ancestor binds too. Inside a container the path may not exist; the mount point then
    // counts.
    std::filesystem::path below = std::filesystem::path(line.substr(second + 1)).relative_path();
    for (;; below = below.parent_path()) {
      folders.insert(mount / below);
      if (below.empty()) break;
    }
  }
  folders.insert(root / "sys/fs/cgroup");
  return folders;
}

/// CPUs' worth of time that the control groups allow, rounded up; 0 where there is no limit.
LINNET_INLINE int cgroup_cpus(const std::filesystem::path& root) {
  int cpus = 0;
  for (const auto& folder : cgroup_folders(root)) {
    double quota = -1, period = 0;
    std::istringstream v2(first_line(folder / "cpu.max"));
    if (!(v2 >> quota >> period)) {  // "max 100000" fails at the word and means no limit
      quota = std::atof(first_line(folder / "cpu.cfs_quota_us").c_str());
      period = std::atof(first_line(folder / "cpu.cfs_period_us").c_str());
    }
    if (quota <= 0 || period <= 0) continue;
    const int granted = std::max(1, static_cast<int>(std::min(quota / period + 0.999, 1e6)));
    cpus = cpus == 0 ? granted : std::min(cpus, granted);
  }
  return cpus;
}

/// How many entries a CPU list such as "0-7,16" has; 0 where it cannot be read.
LINNET_INLINE int count_cpu_list(const std::string& list) {
  int count = 0;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) {
    int low = 0, high = 0;
    const int read = std::sscanf(part.c_str(), "%d-%d", &low, &high);
    if (read == 1) ++count;
    if (read == 2 && high >= low) count += high - low + 1;
  }
  return count;
}

}  // namespace detail

LINNET_INLINE int granted_thread_count(const std::filesystem::path& root) {
  int cpus = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
#ifdef __linux__
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cpus = std::max(1, CPU_COUNT(&mask));
#endif
  const int paid_for = detail::cgroup_cpus(root);
  return paid_for > 0 ? std::min(cpus, paid_for) : cpus;
}

LINNET_INLINE int default_thread_count(const std::filesystem::path& root) {
  // Where cores differ, Linux lists the fast ones here; a slow core in the team would hold up every barrier.
  const int fast = detail::count_cpu_list(detail::first_line(root / "sys/devices/cpu_core/cpus"));
  const int granted = granted_thread_count(root);
  return fast > 0 ? std::min(granted, fast) : granted;
}

LINNET_INLINE int resolve_thread_count(int asked) {
  if (asked != 0) return asked;
  const char* text = std::getenv("LINNET_THREADS");
  if (!text || !*text) return default_thread_count();
  char* end = nullptr;
  const long count = std::strtol(text, &end, 10);
  if (*end != '\0' || count < 1 || count > 1024)
    fail(ErrorCode::invalid_argument, "LINNET_THREADS: expected a number of 1 to 1024, got \"", text, "\"");
  return static_cast<int>(count);
}

}  // namespace linnet
