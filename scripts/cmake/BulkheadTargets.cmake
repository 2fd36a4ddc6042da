# bulkhead_library(agent_inventory SOURCES … LINK … [PUBLIC_LINK …])
# One static library per folder; what its public headers need goes to PUBLIC_LINK, all else to LINK.
function(bulkhead_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PUBLIC_LINK" ${ARGN})
  add_library(bulkhead_${name} STATIC ${ARG_SOURCES})
  target_include_directories(bulkhead_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(bulkhead_${name} PRIVATE bulkhead_warnings ${ARG_LINK} PUBLIC ${ARG_PUBLIC_LINK})
endfunction()

# bulkhead_program(bulkhead-agent SOURCES main.cc LINK …)
function(bulkhead_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bulkhead_warnings ${ARG_LINK})
endfunction()

# bulkhead_test(unit_inventory KIND unit SOURCES … LINK … [TIMEOUT seconds])
# Each Catch2 test case becomes a ctest entry "<kind>/<case>", labelled with its kind. A case that lacks a capability
# calls BULKHEAD_SKIP (tests/support/skip.h) and is reported as skipped. Tests other than unit ones share the host's
# kernel and run one at a time.
function(bulkhead_test name)
  cmake_parse_arguments(ARG "" "KIND;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bulkhead_warnings bulkhead_test_main ${ARG_LINK})
  set(properties LABELS ${ARG_KIND} TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
  if(NOT ARG_KIND STREQUAL "unit")
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${ARG_KIND}/" DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()
