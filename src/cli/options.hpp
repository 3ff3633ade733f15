// cli/options.hpp - the program's commands, their options, and how its words set them. Never does the work.
// Hides the library that reads the words, whose templates would be compiled again in every file that saw it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace linnet::cli {

/// An option of a command. Copies stand for the same option, which lives as long as the program.
class Option {
 public:
  Option() = default;
  explicit Option(CLI::Option* option) : option_(option) {}

  /// What the help calls its value, e.g. "FILE".
  Option& value_name(std::string name);
  /// The heading under which the help lists it.
  Option& group(std::string heading);
  /// The help shows this as the default; without a text, what the variable holds now.
  Option& show_default(std::string text);
  Option& show_default();

  // What it refuses: its absence, other values, and other options of the same command, added before.
  Option& required();
  Option& range(std::int64_t least, std::int64_t greatest);
  Option& range(int least, int greatest) { return range(std::int64_t{least}, std::int64_t{greatest}); }
  Option& range(double least, double greatest);
  Option& non_negative();
  Option& one_of(std::vector<std::string> values);
  Option& excludes(std::string name);
  Option& needs(std::string name);  // refuses the other's absence

  /// A list may stand in one word: "1,2,3".
  Option& comma_separated();

  /// Whether the words hold it.
  bool given() const;

 private:
  CLI::Option* option_ = nullptr;
};

/// A command: its options, the commands below it, and what it does.
class Command {
 public:
  explicit Command(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// A command below this one, chosen by its name; it lives as long as this one.
  Command& add_command(std::string name, std::string about);

  // Options with a value. `names` are like "-n,--name", or "NAME" for an argument that goes by its place. The
  // value is written to the variable, which must live until the words are parsed, and keeps what it holds
  // where the option is not given.
  Option add_option(std::string names, std::string& value, std::string help);
  Option add_option(std::string names, std::filesystem::path& value, std::string help);
  Option add_option(std::string names, int& value, std::string help);
  Option add_option(std::string names, std::int64_t& value, std::string help);
  Option add_option(std::string names, std::uint64_t& value, std::string help);
  Option add_option(std::string names, float& value, std::string help);
  Option add_option(std::string names, double& value, std::string help);

  // Options that may be given several times, with a value each.
  Option add_option(std::string names, std::vector<std::string>& values, std::string help);
  Option add_option(std::string names, std::vector<int>& values, std::string help);
  Option add_option(std::string names, std::vector<std::int64_t>& values, std::string help);

  // The same two, with a function that reads the text, or the texts; it throws Error where they will not do.
  Option add_option(std::string names, std::function<void(const std::string&)> read, std::string help);
  Option add_option(std::string names, std::function<void(const std::vector<std::string>&)> read,
                    std::string help);

  /// An option without a value: it sets the variable to true.
  Option add_flag(std::string names, bool& value, std::string help);

  /// The text at the end of its help.
  void set_footer(std::string text);
  /// What the command does; the result is the program's exit code.
  void set_action(std::function<int()> action) { action_ = std::move(action); }

  /// Acts: the command below this one that the words chose, or this one itself.
  int run() const;

 protected:
  std::shared_ptr<CLI::App> app_;

 private:
  std::list<Command> commands_;
  std::function<int()> action_;
};

/// The command at the top, which needs one below it.
class Program : public Command {
 public:
  Program(std::string name, std::string about, std::string version);

  /// Reads the words of main(). Returns the help or the version where they ask for one, in place of run().
  /// @throws Error(invalid_argument) for words that are refused; its text names the --help to read.
  std::optional<std::string> parse(int argc, const char* const* argv);
};

}  // namespace linnet::cli
