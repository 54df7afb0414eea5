;; SPDX-License-Identifier: Apache-2.0
;; Writes its request's first 64 bytes over its whole memory, and marks a global and its table, then
;; waits in a host call.
(module
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 16)
  (table $slots 8 funcref)
  (global $mark (mut i64) (i64.const 0))
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (elem declare func $alloc)
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (local $at i32)
    (global.set $mark (i64.load (local.get $ptr)))
    (table.fill $slots (i32.const 0) (ref.func $alloc) (i32.const 8))
    (loop $again
      (if (i32.ne (local.get $at) (i32.const 0)) (then
        (memory.copy (local.get $at) (local.get $ptr) (i32.const 64))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 0x100000))))
    (call $call (i32.const 64) (i32.const 64) (i32.const 0))))
