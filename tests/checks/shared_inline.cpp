// shared_inline.cpp - leaves a weak symbol behind, for the test of scripts/check-odr.sh.
inline int shared_function(int value) { return value + 1; }
int (*take_address())(int) { return &shared_function; }
