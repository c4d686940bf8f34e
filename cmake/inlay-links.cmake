# What inlay links, said once for the source tree and for the installed package.
set(inlay_components eigen xtensor zlib)
set(inlay_eigen_package Eigen3)
set(inlay_eigen_target Eigen3::Eigen)
set(inlay_xtensor_package xtensor)
set(inlay_xtensor_target xtensor)
set(inlay_zlib_package ZLIB)
set(inlay_zlib_target ZLIB::ZLIB)

# BUILD_INTERFACE: found by whoever compiles the headers, never written into an installed target.
function(inlay_link_threads target)
  target_link_libraries(${target} INTERFACE $<BUILD_INTERFACE:Threads::Threads>)
  if(INLAY_WITH_OPENMP)
    find_package(OpenMP QUIET COMPONENTS CXX)
    if(TARGET OpenMP::OpenMP_CXX)
      target_link_libraries(${target} INTERFACE $<BUILD_INTERFACE:OpenMP::OpenMP_CXX>)
    endif()
  endif()
endfunction()
