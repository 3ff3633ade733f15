// base/attendance.hpp - how many threads a step is worth at present: fewer where some are held up by other
// programs. Never starts or stops a thread.
#pragma once

#include <algorithm>

namespace linnet {

/// Learns from runs of one kind how many members of a team they should have.
///
/// A member whose core is taken away by another program holds up every barrier. A step that memory sets the
/// pace of loses more by that than by going without the member; one that multiplies does not. Which it is
/// cannot be known beforehand, so it is tried: where members spent much of their time waiting, one fewer
/// takes part for a while, and whichever number was faster stays. Later one more is tried again, ever more
/// rarely while that fails.
///
/// Runs are judged by windows of 50 ms or more. Thread-safety: none.
class Attendance {
 public:
  /// @param most  members at most, at least 1; also how many begin
  explicit Attendance(int most) : most_(most), members_(most) {}

  /// Members that the next run should have: 1 to `most`.
  int members() const noexcept { return members_; }

  /// What a run with members() members was like.
  /// @param work     its size, in any unit that the time of such runs is proportional to
  /// @param seconds  the time that it took
  /// @param waited   seconds that a member slept, waiting for others, on average over all members but one
  void record(double work, double seconds, double waited) noexcept {
    work_ += work;
    seconds_ += seconds;
    waited_ += waited;
    if (seconds_ < window) return;
    end_window();
    work_ = seconds_ = waited_ = 0;
  }

 private:
  static constexpr double window = 0.05;    // seconds: several turns of a scheduler
  static constexpr double late = 0.15;      // a share of time spent waiting that is worth a trial
  static constexpr double better = 0.95;    // of the time before: what a trial must reach,
  static constexpr double worse = 1.1;      // and what it may not exceed to go on
  static constexpr int first_patience = 4;  // windows until the next trial,
  static constexpr int most_patience = 64;  // at first and at last

  void end_window() noexcept {
    const double pace = seconds_ / work_;
    const bool one_too_many = waited_ > late * seconds_ && members_ > 1;
    if (before_ != members_) {
      // Several may be late, and nothing is gained before the last of them is left out.
      const bool go_on = members_ < before_ && one_too_many && pace < worse * pace_before_;
      if (go_on) {
        --members_;
      } else {
        judge_trial(pace);
      }
    } else if (--rest_ < 0) {
      if (one_too_many || members_ < most_) members_ += one_too_many ? -1 : 1;
      pace_before_ = pace;
    }
  }

  void judge_trial(double pace) noexcept {
    const bool kept = pace < better * pace_before_;
    patience_ = kept ? first_patience : std::min(2 * patience_, most_patience);
    rest_ = patience_;
    if (kept) {
      before_ = members_;
    } else {
      members_ = before_;
    }
  }

  int most_, members_;
  int before_ = members_;   // members() but during a trial, when it is what was before
  double pace_before_ = 0;  // seconds per unit of work, in the window before a trial
  int patience_ = first_patience;
  int rest_ = 0;                                // windows until a trial may begin
  double work_ = 0, seconds_ = 0, waited_ = 0;  // of the present window
};

}  // namespace linnet
