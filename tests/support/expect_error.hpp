// tests/support/expect_error.hpp - runs something that must throw a linnet::Error, and looks at it. Never
// lets others by.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <linnet/base/error.hpp>

namespace linnet::tests {

/// The Error that `run` throws is of this code, is one line, and contains the text.
template <class Run>
void expect_error(ErrorCode code, std::string_view text, Run&& run) {
  try {
    run();
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_EQ(to_string(error.code()), to_string(code)) << what;
    EXPECT_NE(what.find(text), std::string::npos) << "expected \"" << text << "\" in: " << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    return;
  }
  ADD_FAILURE() << "no error; expected one with code " << to_string(code) << " and text \"" << text << "\"";
}

}  // namespace linnet::tests
