// attendance_test.cpp - Attendance in worlds that are made up: what a step takes, and how long members wait.
#include <functional>

#include <gtest/gtest.h>
#include <linnet/base/attendance.hpp>

namespace linnet::attendance_test {
namespace {

struct Step {
  double seconds, waited;
};
using World = std::function<Step(int members)>;

/// Lets `runs` runs go by. @return seconds that a run took on average
double live(Attendance& attendance, const World& world, int runs) {
  double seconds = 0;
  for (int i = 0; i < runs; ++i) {
    const Step step = world(attendance.members());
    attendance.record(1, step.seconds, step.waited);
    seconds += step.seconds;
  }
  return seconds / runs;
}

Step alone(int members) { return {0.04 / members, 0}; }

/// Memory sets the pace: one thread is nearly as fast as two, and of two one is late.
Step late_reader(int members) { return members == 1 ? Step{0.026, 0} : Step{0.036, 0.016}; }

/// Multiplication sets the pace: waiting for the late one is faster than going without it.
Step late_multiplier(int members) { return members == 1 ? Step{0.04, 0} : Step{0.03, 0.01}; }

TEST(Attendance, EveryoneTakesPartWhereNobodyIsLate) {
  Attendance attendance(4);
  for (int i = 0; i < 1000; ++i) {
    live(attendance, alone, 1);
    EXPECT_EQ(attendance.members(), 4);
  }
}

TEST(Attendance, GoesWithoutAMemberThatIsLate) {
  Attendance attendance(2);
  live(attendance, late_reader, 8);
  EXPECT_EQ(attendance.members(), 1);
  EXPECT_LT(live(attendance, late_reader, 1000), 1.02 * 0.026);  // trials of two are rare
}

TEST(Attendance, TakesTheMemberBackOnceItIsFree) {
  Attendance attendance(2);
  live(attendance, late_reader, 1000);
  live(attendance, alone, 250);
  EXPECT_EQ(attendance.members(), 2);
  EXPECT_LT(live(attendance, alone, 1000), 1.001 * 0.02);
}

TEST(Attendance, KeepsALateMemberThatIsWorthWaitingFor) {
  Attendance attendance(2);
  live(attendance, late_multiplier, 100);
  EXPECT_LT(live(attendance, late_multiplier, 1000), 1.02 * 0.03);  // trials of one are rare
}

TEST(Attendance, LeavesOutSeveralOneByOne) {
  // Two of eight cores belong to others: more than six members wait for those.
  const World world = [](int members) { return members <= 6 ? Step{0.24 / members, 0} : Step{0.08, 0.04}; };
  Attendance attendance(8);
  live(attendance, world, 100);
  EXPECT_LT(live(attendance, world, 1000), 1.05 * 0.04);
}

TEST(Attendance, JudgesShortRunsByTheirSum) {
  // Every tenth run waits, as for a neighbour that comes and goes.
  int run = 0;
  const World world = [&](int members) {
    if (members == 1) return Step{0.0013, 0};
    return ++run % 10 == 0 ? Step{0.011, 0.01} : Step{0.001, 0};
  };
  Attendance attendance(2);
  live(attendance, world, 200);
  EXPECT_LT(live(attendance, world, 10000), 1.03 * 0.0013);
}

TEST(Attendance, OneMemberStaysOne) {
  Attendance attendance(1);
  live(
      attendance,
      [](int) {
        return Step{0.1, 0.09};
      },
      100);
  EXPECT_EQ(attendance.members(), 1);
}

}  // namespace
}  // namespace linnet::attendance_test
