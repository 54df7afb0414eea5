;; SPDX-License-Identifier: Apache-2.0
;; Calls the host in its start function, and answers with the answer.
(module
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (data (i32.const 16) "{}")
  (global $error (mut i32) (i32.const -1))
  (func $main (global.set $error (call $call (i32.const 16) (i32.const 2) (i32.const 32))))
  (start $main)
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.load (i32.const 32)))
    (global.get $error)))
