# Precompiled headers: reading the standard library, Abseil, protobuf and our messages anew takes half of the time of a
# file. One set for the libraries and one for the tests, whose options differ.
set(BULKHEAD_PRECOMPILED
    <algorithm> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream>
    <string> <string_view> <thread> <utility> <variant> <vector>
    <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h> <google/protobuf/message.h>)

# Defines _REENTRANT: a precompiled header fits only who defines the same.
add_compile_options(-pthread)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Lets ccache see what a precompiled header was made of.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()

file(WRITE ${CMAKE_BINARY_DIR}/precompiled/empty.cc "")
file(WRITE ${CMAKE_BINARY_DIR}/precompiled/main.cc "int main() {}\n")

add_library(bulkhead_precompiled STATIC EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled/empty.cc)
target_link_libraries(bulkhead_precompiled PRIVATE bulkhead_warnings protobuf::libprotobuf absl::statusor absl::time)
target_precompile_headers(bulkhead_precompiled PRIVATE ${BULKHEAD_PRECOMPILED})

add_executable(bulkhead_precompiled_tests EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled/main.cc)
target_link_libraries(bulkhead_precompiled_tests PRIVATE bulkhead_warnings protobuf::libprotobuf absl::statusor absl::time Catch2::Catch2)
target_compile_options(bulkhead_precompiled_tests PRIVATE -O0)
target_precompile_headers(bulkhead_precompiled_tests PRIVATE ${BULKHEAD_PRECOMPILED} <catch2/catch.hpp>)
