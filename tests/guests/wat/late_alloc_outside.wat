;; SPDX-License-Identifier: Apache-2.0
;; Its alloc puts an answer outside its memory. Returns the error.
(module
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $count (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (if (result i32) (i32.le_u (global.get $count) (i32.const 2))
      (then (i32.mul (global.get $count) (i32.const 16384)))
      (else (i32.const 0x20000))))
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (call $call (local.get $ptr) (local.get $len) (local.get $out))))
