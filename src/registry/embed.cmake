# SPDX-License-Identifier: Apache-2.0
# How do migrations get into the program? As bytes: cmake -DOUT=file.c -DSQL="a.sql;b.sql" -P
# embed.cmake. Their order is that of their numbers, which must be 1, 2, 3 ... without a gap.
set(arrays "")
set(table "")
set(expected 1)
list(SORT SQL)
foreach(path ${SQL})
    get_filename_component(name ${path} NAME_WE)
    string(REGEX MATCH "^0*([0-9]+)_" number ${name})
    if(NOT CMAKE_MATCH_1 EQUAL expected)
        message(FATAL_ERROR "${name}: number ${expected} is expected here")
    endif()
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND arrays "static const char sql_${expected}[] = {${bytes}0};\n")
    string(APPEND table "    { \"${name}\", sql_${expected} },\n")
    math(EXPR expected "${expected} + 1")
endforeach()
math(EXPR count "${expected} - 1")
file(WRITE ${OUT} "#include \"registry/migrations.h\"\n\n${arrays}\n"
    "const struct ax_migration ax_migrations[] = {\n${table}};\n"
    "const int ax_migration_count = ${count};\n")
