# SPDX-License-Identifier: Apache-2.0
"""Which modules can C not express? Small ones, as text: each differs from `plain` in one thing.

`plain` is the accepted twin: it answers 200 with {"plain":true} and imports a log function.
"""

RESPONSE = r'{\"status\":200,\"headers\":{},\"body_b64\":\"eyJwbGFpbiI6dHJ1ZX0=\"}'
RESPONSE_LEN = len(RESPONSE.replace("\\", ""))

PARTS = {
    "imports": '(import "alga" "log_info" (func $log (param i32 i32)))',
    "memory": '(memory (export "memory") 2)',
    "data": f'(data (i32.const 16) "{RESPONSE}")',
    "globals": "(global $top (mut i32) (i32.const 4096))",
    "alloc": """(func $alloc (export "alloc") (param $size i32) (result i32)
        (global.get $top)
        (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get $size))
                                           (i32.const 15))
                                  (i32.const -16)))
        (block $enough
          (br_if $enough (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
          (drop (memory.grow (i32.const 256)))))""",
    "handler": f"""(func $handler (export "handler") (param i32 i32 i32) (result i32)
        (i32.store (local.get 2) (i32.const 16))
        (i32.store offset=4 (local.get 2) (i32.const {RESPONSE_LEN}))
        (i32.const 0))""",
    "more": "",
}


def module(**changes):
    return "(module\n  {}\n)\n".format("\n  ".join({**PARTS, **changes}.values()))


SPIN = "(loop $again (br $again))"

MODULES = {
    "plain": module(),
    # the start function runs before anything is asked of the module
    "start-loop": module(more=f"(func $start {SPIN}) (start $start)"),
    "start-trap": module(more="(func $start unreachable) (start $start)"),
    "start-log": module(more="(func $start (call $log (i32.const 16) (i32.const 4))) (start $start)"),
    "start-grow": module(more="(func $start (drop (memory.grow (i32.const 65000)))) (start $start)"),
    "start-recurse": module(more="(func $start (call $start)) (start $start)"),
    "data-outside": module(data='(data (i32.const 131070) "beyond")'),
    # what the contract asks for and the module lacks
    "no-memory": module(memory="(memory 2)"),
    "no-alloc": module(alloc=PARTS["alloc"].replace('(export "alloc")', "")),
    "no-handler": module(handler=PARTS["handler"].replace('(export "handler")', "")),
    "alloc-type": module(alloc="""(func (export "alloc") (param i64) (result i32) (i32.const 64))"""),
    "alloc-global": module(alloc='(global (export "alloc") i32 (i32.const 1))'),
    "handler-type": module(handler='(func (export "handler") (param i32 i32) (result i32) (i32.const 0))'),
    "handler-void": module(handler='(func (export "handler") (param i32 i32 i32))'),
    "dealloc-type": module(more='(func (export "dealloc") (param i32))'),
    # what it may not import
    "import-unknown": module(imports='(import "alga" "shell" (func $log (param i32 i32)))'),
    "import-module": module(imports='(import "env" "log_info" (func $log (param i32 i32)))'),
    "import-wasi": module(imports='(import "wasi_snapshot_preview1" "proc_exit" (func $log (param i32)))'),
    "import-type": module(imports='(import "alga" "log_info" (func $log (param i64 i32)))'),
    "import-result": module(imports='(import "alga" "log_info" (func $log (param i32 i32) (result i32)))'),
    "import-memory": module(imports='(import "alga" "memory" (memory 1)) (func $log (param i32 i32))',
                            memory='(export "memory" (memory 0))'),
    "import-global": module(imports='(import "alga" "g" (global i32)) (func $log (param i32 i32))'),
    "import-table": module(imports='(import "alga" "t" (table 1 funcref)) (func $log (param i32 i32))'),
    # sizes
    "memory-large": module(memory='(memory (export "memory") 16384)'),
    "memory-max": module(memory='(memory (export "memory") 2 65536)'),
    "memory-two": module(more="(memory $second 1)"),
    "memory-shared": module(memory='(memory (export "memory") 2 4 shared)'),
    "memory-64": module(memory='(memory (export "memory") i64 2)'),
    "table-limit": module(more="(table 10000 funcref)"),
    "table-large": module(more="(table 10001 funcref)"),
    "table-huge": module(more="(table 100001 funcref)"),
    "table-grow": module(more='(table $t 1 funcref) (func $start (drop (table.grow $t (ref.null func)'
                              " (i32.const 100000)))) (start $start)"),
}
