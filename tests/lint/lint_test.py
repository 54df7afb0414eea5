# SPDX-License-Identifier: Apache-2.0
"""Does the checkout keep our rules, and does each rule bite when it is broken?"""
import pathlib

import pytest

from lint import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"

# rule: ({file: text} that breaks it, the breach; its twin that does not)
SAMPLES = {
    rules.include_direction: [
        ({"src/base/a.c": '#include "loop/loop.h"\n'}, "src/base may not include src/loop",
         {"src/loop/a.c": '#include "base/str.h"\n'}),
        ({"src/http/a.c": '#include "auth/jwt.h"\n'}, "src/http may not include src/auth",
         {"src/runner/a.c": '#include "host/fetch.h"\n'}),
        ({"src/host/a.c": '  # include "registry/model.h"\n'}, "may not include src/registry",
         {"src/host/a.c": '#include "store/store.h"\n'}),
        ({"src/http/a.c": '#include "server.h"\n'}, 'write "folder/file.h"',
         {"src/http/a.c": '#include "http/server.h"\n'}),
        ({"src/extra/a.c": "int a;\n"}, "has no place", {"src/base/a.c": "int a;\n"}),
    ],
    rules.third_party_homes: [
        ({"src/runner/a.c": "#include <yyjson.h>\n"}, "belongs to src/base",
         {"src/base/a.c": "#include <yyjson.h>\n#include <stdint.h>\n#include <sys/mman.h>\n"}),
        ({"src/base/a.c": "#include <uv.h>\n"}, "belongs to", {"src/loop/a.c": "#include <uv.h>\n"}),
        ({"src/host/a.c": '#include "engine.h"\n'}, "belongs to src/runner",
         {"src/runner/a.c": '#include "engine.h"\n'}),
        ({"src/http/a.c": "#include <zlib.h>\n"}, "has no home",
         {"src/http/a.c": "#include <curl/curl.h>\n"}),
    ],
    rules.test_header_in_product: [
        ({"src/http/a.c": '#include "base/test.h"\n'}, "only tests",
         {"src/http/a_test.c": '#include "base/test.h"\n'}),
    ],
    rules.file_length: [
        ({"src/base/a.c": "\n" * 801}, "801 lines", {"src/base/a.c": "\n" * 800}),
    ],
    rules.function_length: [
        ({"src/base/a.c": "int f(void)\n{\n" + "    g();\n" * 74 + "}\n"}, "76 lines",
         {"src/base/a.c": "int f(void)\n{\n" + "    g();\n" * 73 + "}\n"}),
        ({"src/base/a_test.c": "TEST(a)\n{\n" + "    g();\n" * 119 + "}\n"}, "121 lines",
         {"src/base/a_test.c": "TEST(a)\n{\n" + "    g();\n" * 118 + "}\n"}),
    ],
    rules.spdx_first: [
        ({"src/base/a.c": "int a;\n"}, "opens with", {"src/base/a.c": SPDX_C}),
        ({"script/x": "#!/bin/bash\necho\n"}, "opens with",
         {"script/x": "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n", "script/LICENSE": "x"}),
        ({"src/a/CMakeLists.txt": "project(x)\n"}, "opens with",
         {"src/a/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\n"}),
    ],
    rules.opening_question: [
        ({"src/base/a.c": SPDX_C + "int a;\n"}, "says '/* a.c - ",
         {"src/base/a.c": SPDX_C + "/* a.c - what is an a?\n * One. */\n"}),
        ({"src/base/a.c": SPDX_C + "/* a.c - an a. */\n"}, "asks no question",
         {"src/base/a.c": SPDX_C + "/* a.c - is it an a? */\n"}),
        ({"src/base/a.c": SPDX_C + "/* b.c - what? */\n"}, "says '/* a.c - ",
         {"src/base/b.c": SPDX_C + "/* b.c - what? */\n"}),
    ],
    rules.folder_readme: [
        ({"src/base/a.c": ""}, "src: has no README.md",
         {"src/README.md": "# What?\n", "src/base/a.c": "", "src/base/README.md": "# Why?\n"}),
        ({"docs/README.md": "# The documentation\n"}, "asks the folder's question",
         {"docs/README.md": "# Where is what?\n", ".ci/run": "", "README.md": "# Annex\n"}),
    ],
    rules.built_and_tested: [
        ({"src/base/a.c": "", "src/base/CMakeLists.txt": "ax_library(base SOURCES ba.c a.cc)"},
         "not named", {"src/base/a.c": "", "src/base/CMakeLists.txt": "ax_library(base SOURCES a.c)"}),
        ({"src/base/b_test.c": "TEST_MAIN()\n", "src/base/CMakeLists.txt": "foreach(t a) ${t}_test.c"},
         "not named",
         {"src/base/a_test.c": "TEST_MAIN()\n", "src/base/CMakeLists.txt": "foreach(t a) ${t}_test.c"}),
        ({"src/base/a_test.c": "TEST(x) {}\n", "src/base/CMakeLists.txt": "a_test.c"},
         "no TEST_MAIN", {"src/base/a_test.c": "TEST_MAIN()\n", "src/base/CMakeLists.txt": "a_test.c"}),
    ],
    rules.documented_headers: [
        ({"src/base/a.h": "int x;\n\nint ax_a_get(const struct ax_a *a);\n"}, "ax_a_get()",
         {"src/base/a.h": "/* Its number. */\nint ax_a_get(const struct ax_a *a);\n"}),
        ({"src/base/a.h": "/* A. */\n\nint x;\n\nvoid ax_a_set(struct ax_a *a,\n    int b);\n"}, "ax_a_set()",
         {"src/base/a.h": "struct ax_a;\n\nint ax_a_get(struct ax_a *a); /* borrowed */\n"}),
    ],
    rules.no_wasm: [
        ({"examples/x/entry.wasm": ""}, "not kept", {"examples/x/entry.wat": ""}),
    ],
    rules.no_places: [
        ({"script/x": "cd /ro" + "ot/annex\n"}, "names one machine", {"script/x": 'cd "$root/annex"\n'}),
        ({"script/x": "https://pypi" + ".org/simple\n"}, "names one machine",
         {"script/x": "pip download\n", "engine/Cargo.lock": "https://static" + ".crates.io"}),
    ],
    rules.nothing_unfinished: [
        ({"src/base/a.c": "/* TO" + "DO: more */\n"}, "belongs into the tracker",
         {"src/base/a.c": "/* toDo */\n"}),
    ],
    rules.no_skipped_tests: [
        ({"tests/system/a_test.py": "@pytest.mark.sk" + "ip\n"}, "hides a test",
         {"tests/system/a_test.py": "pytest.mark.parametrize\n"}),
        ({"engine/src/a.rs": "#[ign" + "ore]\n"}, "hides a test", {"engine/src/a.rs": "#[test]\n"}),
    ],
    rules.no_sleeps_in_tests: [
        ({"tests/system/a_test.py": "time.sle" + "ep(1)\n"}, "waits for time",
         {"tests/system/support/wait.py": "time.sle" + "ep(0.01)\n"}),
        ({"src/base/a_test.c": "    sle" + "ep(1);\n"}, "waits for time",
         {"src/base/a.c": "    usle" + "ep(1);\n", "src/base/a_test.c": "ax_op_sleep(1);\n"}),
    ],
}


def sample_tree(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return rules.Tree(folder, files)


@pytest.mark.parametrize("rule", SAMPLES, ids=lambda rule: rule.__name__)
def test_checkout_keeps(rule):
    breaches = list(rule(rules.Tree.of_checkout(ROOT)))
    assert not breaches, "\n" + "\n".join(breaches)


@pytest.mark.parametrize("rule, broken, breach, kept",
                         [(rule, *sample) for rule, samples in SAMPLES.items() for sample in samples],
                         ids=lambda value: getattr(value, "__name__", "-"))
def test_rule_bites(rule, broken, breach, kept, tmp_path):
    found = list(rule(sample_tree(tmp_path / "broken", broken)))
    assert any(breach in sentence for sentence in found), found
    assert not list(rule(sample_tree(tmp_path / "kept", kept)))


def test_every_rule_is_tried():
    """A rule without a broken sample might never bite; a new one must be listed."""
    listed = {rule.__name__ for rule in SAMPLES}
    takers = {name for name, value in vars(rules).items()
              if callable(value) and getattr(value, "__code__", None) is not None
              and value.__code__.co_varnames[:value.__code__.co_argcount] == ("tree",)}
    assert takers == listed
