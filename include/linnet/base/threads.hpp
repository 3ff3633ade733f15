// base/threads.hpp - a team of threads that walks through one step together. The only place that knows
// OpenMP.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include <linnet/base/attendance.hpp>
#include <linnet/base/config.hpp>

namespace linnet {

/// The number of threads that can run at once in this process: the smaller of the affinity mask and the CPUs
/// that the control group's quota pays for (cgroup v1 and v2).
/// @param root  where /proc and /sys are looked up; tests pass a folder of their own.
int granted_thread_count(const std::filesystem::path& root = "/");

/// The number of threads that serve a model best: granted_thread_count(), but no more than there are
/// performance cores where cores differ. @param root  as above
int default_thread_count(const std::filesystem::path& root = "/");

/// `asked` where it is not 0, else the environment variable LINNET_THREADS, else default_thread_count().
/// @throws Error(invalid_argument) where LINNET_THREADS is no number of 1 to 1024.
int resolve_thread_count(int asked);

/// Threads that run the same function side by side, meet at barriers, and share loops in chunks.
///
/// A step of the model is one call of run(): the threads are started (by OpenMP, which keeps them between
/// calls) once per step, not once per operation. Inside it every member executes the same calls of barrier()
/// and for_chunks() in the same order. What a chunk computes must not depend on who computes it; then results
/// do not depend on the number of threads, which may differ from run to run.
///
/// Members compute with the usual floating-point environment (rounding to nearest, subnormal numbers, no
/// traps), whatever the caller's is, which is as it was afterwards.
///
/// A child of fork() may go on with a team that was idle in its parent. A thread that had run teams before it
/// forked has lost OpenMP's threads in the child: each of its runs starts threads of its own.
class ThreadTeam {
 public:
  class Member;

  /// @param threads  1 to 1024. @throws Error(out_of_memory) where the system refuses to start them.
  explicit ThreadTeam(int threads);
  int size() const noexcept { return size_; }

  /// Calls job(member) once in each thread and returns when all are done. The job must not throw.
  /// One run at a time on a team.
  template <class Job>
  void run(Job&& job) {
    run(size_, job);
  }

  /// The same with as many of the threads as `attendance` says, which learns how it went.
  /// @param work  see Attendance::record()
  template <class Job>
  void run(Attendance& attendance, double work, Job&& job) {
    const int members = std::min(attendance.members(), size_);
    const auto start = std::chrono::steady_clock::now();
    run(members, job);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    attendance.record(work, taken.count(), mean_wait());
  }

 private:
  template <class Job>
  void run(int members, Job& job) {
    launch(
        members, [](void* context, Member& member) { (*static_cast<Job*>(context))(member); },
        const_cast<void*>(static_cast<const void*>(&job)));
  }

  using Entry = void (*)(void* context, Member& member);
  void launch(int members, Entry entry, void* context);
  void launch_without_openmp(int members);
  void hand_over(Entry entry, void* context);
  void take_back();
  /// Seconds that a member slept at barriers of the last run, on average over all members but one.
  double mean_wait() const noexcept;

  static constexpr int loop_slots = 4;
  static constexpr std::size_t cache_line = 64;
  struct alignas(cache_line) Counter {
    std::atomic<std::int64_t> value{0};
  };
  struct Shared {
    Counter arrived;                                          // members at the present barrier
    alignas(cache_line) std::atomic<std::uint32_t> round{0};  // barriers passed, modulo 2^32
    Counter next[loop_slots];                                 // the next chunk of a shared loop
    Counter slept;                                            // nanoseconds, of all members
    Counter started, finished;                                // hand-over of the job and of its results
    Entry entry = nullptr;
    void* context = nullptr;
  };

  static void enter(Shared& shared, ThreadTeam& team, int index);

  int size_;
  bool crowded_;     // more threads than can run at once
  int running_ = 1;  // threads of the present run: OpenMP may grant fewer than asked for
  std::unique_ptr<Shared> shared_;
};

/// One thread's place in a running step.
class ThreadTeam::Member {
 public:
  int index() const noexcept { return index_; }
  int count() const noexcept { return team_.running_; }

  /// Waits until every member is here. What any member wrote before is seen by all after.
  void barrier() noexcept;

  /// Runs body(begin, end) over [0, total) in chunks of `grain`, handed out as members become free, so that a
  /// slow core does not set the pace. Returns in all members when the last chunk is done.
  template <class Body>
  void for_chunks(std::int64_t total, std::int64_t grain, Body&& body) {
    auto& next = team_.shared_->next[loop_ % loop_slots].value;
    if (count() == 1) {
      for (std::int64_t begin = 0; begin < total; begin += grain) body(begin, std::min(begin + grain, total));
      return;
    }
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= total) break;
      body(begin, std::min(begin + grain, total));
    }
    barrier();
    // Everyone has left this loop, and its slot is used again only after further barriers.
    if (index_ == 0) next.store(0, std::memory_order_relaxed);
    ++loop_;
  }

  /// Runs body() in one member while the others wait.
  template <class Body>
  void once(Body&& body) {
    if (index_ == 0) body();
    barrier();
  }

 private:
  friend class ThreadTeam;
  Member(ThreadTeam& team, int index) : team_(team), index_(index) {}

  ThreadTeam& team_;
  int index_;
  std::int64_t loop_ = 0;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/base/threads.ipp>
#endif
