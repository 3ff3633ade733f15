// laboratory/bench.hpp - experiments measured on this machine, against its limits, and the table of them.
// Never prints.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <linnet/base/threads.hpp>
#include <linnet/laboratory/experiment.hpp>
#include <linnet/laboratory/timer.hpp>

namespace linnet::laboratory {

/// What was found of one case. Rates come from the median.
struct Figures {
  std::string operation, type, isa, shape;
  std::int64_t tokens = 0;
  int threads = 0;
  Spread seconds;
  double bytes_per_second = 0, operations_per_second = 0;
  double read_bandwidth = 0;  // of the machine, bytes per second; 0: not measured
  double peak = 0;            // of the instruction set, operations per second; 0: not known
  double error = 0;           // relative rms, against float64
  bool from_memory = false;

  /// Shares of the limits, 0 where one is not known. Only what comes from memory is compared with its speed.
  double bandwidth_share() const {
    return from_memory && read_bandwidth > 0 ? bytes_per_second / read_bandwidth : 0;
  }
  double peak_share() const { return peak > 0 ? operations_per_second / peak : 0; }
};

struct BenchOptions {
  int threads = 0;                    // 0: what the machine grants, or LINNET_THREADS
  Effort effort = {};                 // for each case
  std::int64_t streaming_bytes = -1;  // see Workspace; -1: as machine.hpp says
  bool measure_limits = true;         // false: shares of the limits stay 0
};

/// Measures one case after the other with one team, in one workspace.
class Bench {
 public:
  /// Measures the read bandwidth first. @throws Error(out_of_memory).
  explicit Bench(const BenchOptions& options);

  Figures measure(const Case& one);

  int threads() const { return team_.size(); }
  double read_bandwidth() const { return read_bandwidth_; }
  /// The peak of an instruction set, measured the first time that it is asked for.
  double peak(const kernels::Table& table);
  ThreadTeam& team() { return team_; }

 private:
  BenchOptions options_;
  ThreadTeam team_;
  Workspace workspace_;
  double read_bandwidth_ = 0;
  std::map<const kernels::Table*, double> peaks_;
};

/// A table for people: its first lines, and a line for each case.
std::string text_header(double read_bandwidth, int threads);
std::string text_row(const Figures& figures);
/// The same for programs: an array of objects; a header and a line for each.
std::string to_json(std::span<const Figures> all);
std::string to_csv(std::span<const Figures> all);

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/bench.ipp>
#endif
