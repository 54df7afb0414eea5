;; SPDX-License-Identifier: Apache-2.0
;; As relay_call, but its alloc moves to fresh pages: it grows the memory every time.
(module
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "alloc") (param $size i32) (result i32)
    (i32.mul
      (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
      (i32.const 65536)))
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (call $call (local.get $ptr) (local.get $len) (local.get $out))))
