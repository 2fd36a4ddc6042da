# Language, warnings, sanitizers, ccache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(BULKHEAD_SANITIZER "" CACHE STRING "Sanitizers for -fsanitize=, such as address,undefined or thread")
option(BULKHEAD_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
option(BULKHEAD_WARNINGS_AS_ERRORS "Treat warnings in our own code as errors" ON)
set(BULKHEAD_VMLINUX_BTF "/sys/kernel/btf/vmlinux" CACHE FILEPATH "BTF of the kernel that vmlinux.h is generated from")

find_program(BULKHEAD_CCACHE ccache)
if(BULKHEAD_CCACHE)
  # Paths below the source folder count as relative, so that another checkout finds what this one compiled.
  # The sloppiness is what precompiled headers need (ccache's manual, "Precompiled headers").
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
               CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${BULKHEAD_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

if(BULKHEAD_SANITIZER)
  add_compile_options(-fsanitize=${BULKHEAD_SANITIZER} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BULKHEAD_SANITIZER})
endif()

if(BULKHEAD_SANITIZER STREQUAL "thread")
  # Boost.Asio's handlers begin and end with a fence, which GCC's ThreadSanitizer says it cannot see. What our own threads
  # share is guarded by mutexes and atomics, which it does see.
  add_compile_options(-Wno-tsan)
endif()

if(BULKHEAD_FUZZ)
  # libFuzzer steers by the coverage of the code under test, which is in the libraries.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Warnings for our own code only: generated protobuf code is not held to them.
add_library(bulkhead_warnings INTERFACE)
target_compile_options(bulkhead_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                   -Woverloaded-virtual -Wimplicit-fallthrough -Wswitch)
if(BULKHEAD_WARNINGS_AS_ERRORS)
  target_compile_options(bulkhead_warnings INTERFACE -Werror)
endif()
