// threads_test.cpp - chunks, barriers and hand-over of ThreadTeam, and what default_thread_count() believes.
#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <linnet/base/threads.hpp>
#include <support/expect_error.hpp>
#include <support/sanitized.hpp>
#include <support/temporary_folder.hpp>

// Bodies of threads.ipp: what default_thread_count() makes of them depends on this machine's affinity mask.
namespace linnet::detail {
int cgroup_cpus(const std::filesystem::path& root);
int count_cpu_list(const std::string& list);
}  // namespace linnet::detail

namespace linnet::threads_test {
namespace {

class Threads : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Count, Threads, testing::Range(1, 9));

TEST_P(Threads, EachIndexIsHandedOutOnce) {
  ThreadTeam team(GetParam());
  for (const std::int64_t total : {0, 1, 2, 31, 32, 33, 1000})
    for (const std::int64_t grain : {1, 3, 32, 2000}) {
      std::vector<int> seen(static_cast<std::size_t>(total));  // not atomic: a second writer is a data race
      team.run([&](ThreadTeam::Member& member) {
        member.for_chunks(total, grain, [&](std::int64_t begin, std::int64_t end) {
          EXPECT_LE(end - begin, grain);
          EXPECT_EQ(begin % grain, 0);
          for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
      });
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), total) << "grain " << grain;
    }
}

TEST_P(Threads, EveryMemberRunsOnce) {
  ThreadTeam team(GetParam());
  EXPECT_EQ(team.size(), GetParam());
  std::vector<int> runs(static_cast<std::size_t>(GetParam()));
  std::atomic<int> members = 0, count = 0;
  team.run([&](ThreadTeam::Member& member) {
    ++runs.at(static_cast<std::size_t>(member.index()));
    ++members;
    count = member.count();
  });
  EXPECT_GE(members, 1);
  EXPECT_LE(members, GetParam());
  EXPECT_EQ(count, members);  // the system may grant fewer than asked for
  EXPECT_EQ(std::accumulate(runs.begin(), runs.end(), 0), members);
  EXPECT_EQ(*std::max_element(runs.begin(), runs.end()), 1);
}

// Each loop reads what other members wrote in the one before, through more loops than there are counters.
TEST_P(Threads, LoopsSeeWhatEarlierLoopsWrote) {
  constexpr std::int64_t length = 97, loops = 50;
  ThreadTeam team(GetParam());
  std::vector<std::int64_t> a(length), b(length);
  std::iota(a.begin(), a.end(), 0);
  team.run([&](ThreadTeam::Member& member) {
    for (std::int64_t loop = 0; loop < loops; ++loop) {
      const auto& from = loop % 2 == 0 ? a : b;
      auto& to = loop % 2 == 0 ? b : a;
      member.for_chunks(length, 1 + loop % 5, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>((i + 1) % length)] + 1;
      });
    }
  });
  for (std::int64_t i = 0; i < length; ++i)
    EXPECT_EQ(a[static_cast<std::size_t>(i)], (i + loops) % length + loops);
}

TEST_P(Threads, BarriersAndOnceOrderMemory) {
  ThreadTeam team(GetParam());
  std::vector<int> mine(static_cast<std::size_t>(GetParam()));
  int total = 0, wrong = 0;
  team.run([&](ThreadTeam::Member& member) {
    for (int round = 1; round <= 100; ++round) {
      mine[static_cast<std::size_t>(member.index())] = round;
      member.barrier();
      member.once([&] {
        total += std::accumulate(mine.begin(), mine.begin() + member.count(), 0);
        wrong += total != member.count() * round * (round + 1) / 2;
      });
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadTeam, ThousandsOfRunsEnd) {
  for (const auto& [threads, runs] : {std::pair{2, 2000}, std::pair{3, 500}}) {
    ThreadTeam team(threads);
    std::int64_t sum = 0;
    for (int run = 0; run < runs; ++run) {
      std::array<std::int64_t, 8> parts = {};
      team.run([&](ThreadTeam::Member& member) {
        member.for_chunks(
            8, 1, [&](std::int64_t i, std::int64_t) { parts[static_cast<std::size_t>(i)] = i + run; });
        member.once([&] { sum += std::accumulate(parts.begin(), parts.end(), std::int64_t{0}); });
      });
    }
    EXPECT_EQ(sum, runs * 28 + 8 * (runs * (runs - 1) / 2));
  }
}

TEST(ThreadTeam, TeamsOfTwoApplicationThreadsRunAtOnce) {
  std::array<std::int64_t, 2> sums = {};
  const auto work = [&](std::size_t which) {
    ThreadTeam team(2);
    for (int run = 0; run < 300; ++run) {
      std::vector<std::int64_t> values(100);
      team.run([&](ThreadTeam::Member& member) {
        member.for_chunks(100, 7, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] = i;
        });
      });
      sums[which] += std::accumulate(values.begin(), values.end(), std::int64_t{0});
    }
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  EXPECT_EQ(sums[0], 300 * 4950);
  EXPECT_EQ(sums[1], 300 * 4950);
}

TEST(ThreadTeam, AttendanceSaysHowManyMembersARunHas) {
  ThreadTeam team(3);
  for (const int members : {1, 3, 2, 3, 1, 5}) {
    Attendance attendance(members);
    std::atomic<int> counted = 0;
    team.run(attendance, 1, [&](ThreadTeam::Member& member) {
      counted += member.count() == std::min(members, 3);
      member.barrier();
    });
    EXPECT_EQ(counted, std::min(members, 3));
  }
}

TEST(ThreadTeam, AttendanceLearnsWhoIsLate) {
  ThreadTeam team(2);
  Attendance attendance(2);
  for (int run = 0; run < 20; ++run)
    team.run(attendance, 1, [](ThreadTeam::Member& member) {
      const bool late = member.index() == 1;  // as if its core were taken away
      std::this_thread::sleep_for(std::chrono::milliseconds(late ? 60 : 1));
      member.barrier();
    });
  EXPECT_EQ(attendance.members(), 1);
}

TEST(ThreadTeam, ComputesWithTheUsualFloatsWhateverTheCallerRoundsTo) {
  ThreadTeam team(3);
  std::fesetround(FE_UPWARD);
  std::atomic<int> upward = 0;
  team.run([&](ThreadTeam::Member&) { upward += std::fegetround() != FE_TONEAREST; });
  const int afterwards = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(upward, 0);
  EXPECT_EQ(afterwards, FE_UPWARD);
}

// OpenMP's threads do not survive fork(), and the thread that forked would wait for them.
TEST(ThreadTeam, ChildrenOfForkRunOn) {
  if (tests::threads_sanitized) GTEST_SKIP() << "ThreadSanitizer refuses threads in such children";
  ThreadTeam before(3);
  const auto works = [](ThreadTeam& team, int members) {
    std::atomic<int> sum = 0, counted = 0;
    for (int run = 0; run < 20; ++run)
      team.run([&](ThreadTeam::Member& member) {
        member.for_chunks(10, 1, [&](std::int64_t i, std::int64_t) { sum += static_cast<int>(i); });
        counted += member.count() == members;
      });
    return sum == 20 * 45 && counted == 20 * members;
  };
  ASSERT_TRUE(works(before, 3));
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // what hangs is ended
    ThreadTeam after(2);
    bool fine = works(before, 3) && works(after, 2);
    std::thread([&] { fine = works(before, 3) && fine; }).join();
    _exit(fine ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(works(before, 3));
}

TEST(ThreadTeam, AnImpossibleSizeIsAnError) {
  for (const int threads : {0, -1, 1025, -2147483647})
    tests::expect_error(ErrorCode::invalid_argument, std::to_string(threads),
                        [&] { ThreadTeam team(threads); });
}

/// A root folder with the files that default_thread_count() reads.
class FakeRoot {
 public:
  const std::filesystem::path& path() const { return folder_.path(); }
  FakeRoot& file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((path() / name).parent_path());
    tests::write_file(path() / name, text);
    return *this;
  }
  int cgroup_cpus() const { return detail::cgroup_cpus(path()); }

 private:
  tests::TemporaryFolder folder_;
};

TEST(ThreadCount, WithoutLimitsIsTheAffinityMask) {
  EXPECT_EQ(FakeRoot().cgroup_cpus(), 0);
  EXPECT_GE(default_thread_count(FakeRoot().path()), 1);
  EXPECT_LE(default_thread_count(), default_thread_count(FakeRoot().path()));
}

TEST(ThreadCount, QuotaOfControlGroups2) {
  FakeRoot root;
  root.file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(root.cgroup_cpus(), 1);
  EXPECT_EQ(default_thread_count(root.path()), 1);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu.max", "150000 100000\n").cgroup_cpus(), 2);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu.max", "200000 100000\n").cgroup_cpus(), 2);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu.max", "1000 100000\n").cgroup_cpus(), 1);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu.max", "max 100000\n").cgroup_cpus(), 0);
  const int free = default_thread_count(root.path());
  root.file("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(default_thread_count(root.path()), std::min(free, 2));
}

TEST(ThreadCount, TheTightestAncestorBinds) {
  FakeRoot root;
  root.file("proc/self/cgroup", "0::/outer/middle/inner\n")
      .file("sys/fs/cgroup/outer/middle/inner/cpu.max", "800000 100000\n")
      .file("sys/fs/cgroup/outer/middle/cpu.max", "max 100000\n")
      .file("sys/fs/cgroup/outer/cpu.max", "300000 100000\n")
      .file("sys/fs/cgroup/elsewhere/cpu.max", "100000 100000\n");
  EXPECT_EQ(root.cgroup_cpus(), 3);
}

TEST(ThreadCount, InAContainerTheMountPointCounts) {
  FakeRoot root;
  root.file("proc/self/cgroup", "0::/../../system.slice/container\n")
      .file("sys/fs/cgroup/cpu.max", "500000 100000\n");
  EXPECT_EQ(root.cgroup_cpus(), 5);
}

TEST(ThreadCount, QuotaOfControlGroups1) {
  FakeRoot root;
  root.file("proc/self/cgroup", "5:memory:/job\n4:cpu,cpuacct:/job\n3:cpuset:/job\n")
      .file("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n")
      .file("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n")
      .file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
      .file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.cgroup_cpus(), 3);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n").cgroup_cpus(), 0);
}

TEST(ThreadCount, OddFilesMeanNoLimit) {
  for (const char* text :
       {"", "\n", "0 0", "100000", "-5 100000", "100000 0", "nan nan", "x y z", "1e400 1"}) {
    FakeRoot root;
    root.file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(root.cgroup_cpus(), 0) << text;
  }
  FakeRoot root;
  root.file("proc/self/cgroup", "nothing here\n:\n::\n\n0::/\n").file("sys/fs/cgroup/cpu.max", "1e300 1");
  EXPECT_GE(root.cgroup_cpus(), 1) << "a quota beyond any integer";
}

TEST(ThreadCount, CpuLists) {
  EXPECT_EQ(detail::count_cpu_list("0"), 1);
  EXPECT_EQ(detail::count_cpu_list("0-7"), 8);
  EXPECT_EQ(detail::count_cpu_list("0-3,8,10-11"), 7);
  EXPECT_EQ(detail::count_cpu_list(""), 0);
  EXPECT_EQ(detail::count_cpu_list("none"), 0);
  EXPECT_EQ(detail::count_cpu_list("7-0"), 0);
}

TEST(ThreadCount, OnlyTheFastCoresWhereCoresDiffer) {
  FakeRoot root;
  root.file("sys/devices/cpu_core/cpus", "0\n");
  EXPECT_EQ(default_thread_count(root.path()), 1);
}

}  // namespace
}  // namespace linnet::threads_test
