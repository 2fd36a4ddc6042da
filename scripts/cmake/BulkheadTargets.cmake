# bulkhead_library(agent_inventory SOURCES … LINK … [PUBLIC_LINK …])
# One static library per folder; what its public headers need goes to PUBLIC_LINK, all else to LINK.
function(bulkhead_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PUBLIC_LINK" ${ARGN})
  add_library(bulkhead_${name} STATIC ${ARG_SOURCES})
  target_include_directories(bulkhead_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(bulkhead_${name} PRIVATE bulkhead_warnings ${ARG_LINK} PUBLIC ${ARG_PUBLIC_LINK})
  target_precompile_headers(bulkhead_${name} REUSE_FROM bulkhead_precompiled)
endfunction()

# bulkhead_program(bulkhead-agent SOURCES main.cc LINK …)
function(bulkhead_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bulkhead_warnings ${ARG_LINK})
endfunction()

# All test programs of one kind, such as bulkhead_unit_tests.
foreach(kind unit kernel e2e hypervisor lab)
  add_custom_target(bulkhead_${kind}_tests)
endforeach()
add_custom_target(bulkhead_fuzz_targets)

# bulkhead_test(unit_inventory KIND unit SOURCES … LINK … [TIMEOUT seconds] [UNINSTRUMENTED])
# UNINSTRUMENTED: threads of gRPC or libvirt take part, whose own synchronisation ThreadSanitizer cannot see: its reports
# would be of them.
# Each Catch2 test case becomes a ctest entry "<kind>/<case>", labelled with its kind. A case that lacks a capability
# calls BULKHEAD_SKIP (tests/support/skip.h) and is reported as skipped. Tests other than unit ones share the host's
# kernel and run one at a time.
function(bulkhead_test name)
  cmake_parse_arguments(ARG "UNINSTRUMENTED" "KIND;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(ARG_UNINSTRUMENTED AND BULKHEAD_SANITIZER STREQUAL "thread")
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bulkhead_warnings bulkhead_test_main ${ARG_LINK})
  # What is tested is optimised; the test around it costs more to optimise than to run.
  target_compile_options(${name} PRIVATE -O0)
  target_precompile_headers(${name} REUSE_FROM bulkhead_precompiled_tests)
  set(properties LABELS ${ARG_KIND} TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
  if(NOT ARG_KIND STREQUAL "unit")
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  if(ARG_KIND STREQUAL "lab")
    list(APPEND properties FIXTURES_REQUIRED lab_image)
  endif()
  if(BULKHEAD_SANITIZER STREQUAL "thread")
    list(APPEND properties ENVIRONMENT "TSAN_OPTIONS=die_after_fork=0:suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp")
  endif()
  add_dependencies(bulkhead_${ARG_KIND}_tests ${name})
  catch_discover_tests(${name} TEST_PREFIX "${ARG_KIND}/" DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

# bulkhead_fuzz(fuzz_rules SOURCES … LINK … SEEDS folder…)
# A libFuzzer program, and a ctest entry "fuzz/<name>" that runs it over its seeds and for ten seconds more. What it finds
# goes to the build folder.
function(bulkhead_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;SEEDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE bulkhead_warnings ${ARG_LINK})
  add_dependencies(bulkhead_fuzz_targets ${name})
  set(found ${CMAKE_CURRENT_BINARY_DIR}/found)
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz/${name} COMMAND ${name} -max_total_time=10 -max_len=65536 -timeout=10 ${found} ${ARG_SEEDS})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
