// cli/format.hpp - numbers as people read them. Never for a file that a program reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::cli {

/// 1.5 -> "1.50" with two digits.
std::string fixed(double value, int digits);
/// 0.00015 -> "1.5e-04" with one digit.
std::string scientific(double value, int digits);
/// "1 token", "2 tokens".
std::string counted(std::int64_t count, std::string_view what);
/// Bytes in decimal units: "808 MB", "1.32 GB".
std::string human_bytes(double bytes);
/// "1.24 billion", "2.8 million".
std::string human_count(double count);
/// Seconds as "12 s", "3:25", "1:02:03".
std::string human_duration(double seconds);
/// Text of at least this many columns: on the left (right) of its cell.
std::string left(std::string_view text, std::size_t width);
std::string right(std::string_view text, std::size_t width);

}  // namespace linnet::cli
