// session.cpp - linnet::Session and linnet::Generation for Python. Never lets two uses of a session meet.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <linnet/runtime/session.hpp>
#include <linnet/sampling/defaults.hpp>

#include "adapter.hpp"
#include "arguments.hpp"
#include "bindings.hpp"
#include "sampling.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

/// A session, and what keeps threads (and handlers of signals) from using it while it works.
class SharedSession {
 public:
  SharedSession(std::shared_ptr<const Model> model, const SessionOptions& options)
      : session_(std::move(model), options) {}
  /// @pre `other` does nothing else meanwhile.
  explicit SharedSession(const Session& other) : session_(other.fork()) {}

  /// The right to use the session, for a scope.
  class Turn {
   public:
    /// @throws Error(invalid_argument) where someone else has it: waiting could wait for ourselves.
    explicit Turn(SharedSession& shared) : shared_(shared) {
      if (shared.busy_.test_and_set(std::memory_order_acquire))
        fail(ErrorCode::invalid_argument,
             "the session is at work in another thread; a session does one thing at a time, a model any "
             "number: "
             "use a session for each thread");
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { shared_.busy_.clear(std::memory_order_release); }

    Session& operator*() const { return shared_.session_; }
    Session* operator->() const { return &shared_.session_; }
    /// Says that the session's tokens change otherwise than by a present generation, which then has ended.
    /// Returns the number of such changes.
    std::int64_t change() const { return ++shared_.changes_; }
    std::int64_t changes() const { return shared_.changes_; }

   private:
    SharedSession& shared_;
  };

  /// Calls change() at the end of a scope that has changed the number of tokens, however it ends.
  class LengthWatch {
   public:
    explicit LengthWatch(const Turn& turn) : turn_(turn), before_(turn->length()) {}
    LengthWatch(const LengthWatch&) = delete;
    LengthWatch& operator=(const LengthWatch&) = delete;
    ~LengthWatch() {
      if (turn_->length() != before_) turn_.change();
    }

   private:
    const Turn& turn_;
    std::int64_t before_;
  };

  void cancel() noexcept { session_.cancel(); }
  const Model& model() const noexcept { return session_.model(); }
  std::int64_t context() const noexcept { return session_.context(); }
  int threads() const noexcept { return session_.engine().threads(); }
  std::string_view isa() const noexcept { return session_.engine().isa(); }

 private:
  Session session_;
  std::atomic_flag busy_;
  std::int64_t changes_ = 0;  // guarded by busy_
};

using Turn = SharedSession::Turn;
using LengthWatch = SharedSession::LengthWatch;

class SharedGeneration {
 public:
  SharedGeneration(std::shared_ptr<SharedSession> session, const std::function<Generation(Session&)>& start)
      : session_(std::move(session)), generation_(begin(start)) {}

  /// The next piece, or None at the end.
  py::object next() {
    const Turn turn(*session_);
    if (is_overtaken(turn))
      fail(ErrorCode::invalid_argument,
           "the session was used otherwise since this generation began, which has thereby ended");
    bool more = false;
    run_unlocked([&] { more = generation_.next(); });
    return more ? py::object(to_str(generation_.piece())) : py::none();
  }

  py::dict state() {
    const Turn turn(*session_);
    const GenerationStats& stats = generation_.stats();
    py::dict state;
    state["prompt_tokens"] = stats.prompt_tokens;
    state["tokens"] = stats.generated_tokens;
    state["time_to_first_token"] = stats.prefill_seconds;
    state["decode_seconds"] = stats.decode_seconds;
    state["prompt_tokens_per_second"] = stats.prefill_rate();
    state["tokens_per_second"] = stats.decode_rate();
    state["stop_reason"] = is_overtaken(turn) ? "cancelled" : stop_reason();
    return state;
  }

  std::vector<Token> tokens() {
    const Turn turn(*session_);
    return {generation_.tokens().begin(), generation_.tokens().end()};
  }

  void cancel() noexcept { session_->cancel(); }

 private:
  Generation begin(const std::function<Generation(Session&)>& start) {
    const Turn turn(*session_);
    std::optional<Generation> generation;
    run_unlocked([&] {
      generation.emplace(start(*turn));
      changes_ = turn.change();
    });
    return *std::move(generation);
  }

  /// Whether the session changed before the generation was over.
  bool is_overtaken(const Turn& turn) const {
    return turn.changes() != changes_ && generation_.stop_reason() == StopReason::running;
  }

  std::string_view stop_reason() const {
    constexpr std::string_view names[] = {"running",    "end_of_text",  "stop_text",
                                          "max_tokens", "context_full", "cancelled"};
    return names[static_cast<std::size_t>(generation_.stop_reason())];
  }

  std::shared_ptr<SharedSession> session_;
  std::int64_t changes_ = 0;
  Generation generation_;
};

std::shared_ptr<SharedSession> open_session(const LoadedModel& model, const py::object& context,
                                            const py::object& threads, const std::string& kv_type,
                                            const py::object& max_batch, const std::string& overflow,
                                            const py::object& keep, const py::object& memory) {
  SessionOptions options;
  options.context = to_integer(context, "context", 0, std::numeric_limits<std::int32_t>::max());
  options.threads = static_cast<int>(to_integer(threads, "threads", 0, 1024));
  options.cache_type = to_cache_type(kv_type);
  options.max_batch = to_integer(max_batch, "max_batch", 1, 1 << 16);
  if (overflow != "stop" && overflow != "shift")
    fail(ErrorCode::invalid_argument, "overflow: expected \"stop\" or \"shift\"");
  options.overflow = overflow == "stop" ? Overflow::stop : Overflow::shift;
  options.keep = to_integer(keep, "keep", 0);
  options.memory = to_integer(memory, "memory", 0);
  options.should_stop = is_interrupted;
  std::shared_ptr<SharedSession> session;
  run_unlocked([&] {
    session = std::make_shared<SharedSession>(model.model, options);
    if (!model.adapters.empty()) Turn(*session)->set_adapters(model.adapters);
  });
  return session;
}

std::shared_ptr<SharedSession> fork(SharedSession& self) {
  const Turn turn(self);
  std::shared_ptr<SharedSession> copy;
  run_unlocked([&] { copy = std::make_shared<SharedSession>(*turn); });
  return copy;
}

void save(SharedSession& self, const std::filesystem::path& path) {
  const Turn turn(self);
  run_unlocked([&] { turn->save(path); });
}

void load(SharedSession& self, const std::filesystem::path& path) {
  const Turn turn(self);
  run_unlocked([&] {
    turn->load(path);
    turn.change();
  });
}

void set_adapters(SharedSession& self, const py::object& pairs) {
  const std::vector<AdapterUse> uses = to_adapter_uses(pairs);
  const Turn turn(self);
  run_unlocked([&] {
    turn->set_adapters(uses);
    turn.change();
  });
}

bool is_text(const py::object& value) { return PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()); }

/// Goes on with a text, or with tokens.
std::unique_ptr<SharedGeneration> generate(const std::shared_ptr<SharedSession>& self,
                                           const py::object& prompt, const py::dict& settings) {
  const SamplingOptions options = read_sampling(settings, sampling_defaults(self->model().file().metadata()));
  if (is_text(prompt)) {
    const std::string text = to_text(prompt, "prompt");
    return std::make_unique<SharedGeneration>(self, [&](Session& s) { return s.generate(text, options); });
  }
  std::vector<Token> tokens = to_tokens(prompt);
  return std::make_unique<SharedGeneration>(
      self, [&](Session& s) { return s.generate(std::move(tokens), options); });
}

/// Adds a text, or tokens.
void append(SharedSession& self, const py::object& text) {
  const bool encodes = is_text(text);
  const std::string utf8 = encodes ? to_text(text, "text") : "";
  std::vector<Token> tokens = encodes ? std::vector<Token>() : to_tokens(text);
  const Turn turn(self);
  const LengthWatch watch(turn);
  run_unlocked([&] {
    if (encodes)
      tokens = turn->model().tokenizer().encode(utf8, {.add_special = turn->length() == 0, .goes_on = true});
    turn->append(tokens);
  });
  if (!tokens.empty()) turn.change();  // a shift may leave as many tokens as before
}

void truncate(SharedSession& self, const py::object& length) {
  const std::int64_t wanted = to_integer(length, "length");
  const Turn turn(self);
  const LengthWatch watch(turn);
  turn->truncate(wanted);
}

Floats last_logits(SharedSession& self) {
  const Turn turn(self);
  std::span<const float> values;
  run_unlocked([&] { values = turn->logits(); });
  if (values.empty())
    fail(ErrorCode::invalid_argument, "the session is empty: append tokens before asking what comes next");
  Floats copy = new_floats({static_cast<py::ssize_t>(values.size())});
  std::copy(values.begin(), values.end(), copy.mutable_data());
  return copy;
}

std::vector<Token> tokens(SharedSession& self) {
  const Turn turn(self);
  return {turn->tokens().begin(), turn->tokens().end()};
}

}  // namespace

void bind_session(py::module_& m) {
  py::class_<SharedSession, std::shared_ptr<SharedSession>>(m, "Session")
      .def(py::init(&open_session))
      .def("append", &append)
      .def("truncate", &truncate)
      .def("fork", &fork)
      .def("save", &save)
      .def("load", &load)
      .def("set_adapters", &set_adapters)
      .def("logits", &last_logits)
      .def("tokens", &tokens)
      .def("generate", &generate)
      .def("cancel", &SharedSession::cancel)
      .def_property_readonly("context", &SharedSession::context)
      .def_property_readonly("threads", &SharedSession::threads)
      .def_property_readonly("isa", &SharedSession::isa);
  py::class_<SharedGeneration>(m, "Generation")
      .def("next", &SharedGeneration::next)
      .def("state", &SharedGeneration::state)
      .def("tokens", &SharedGeneration::tokens)
      .def("cancel", &SharedGeneration::cancel);
}

}  // namespace linnet::python
