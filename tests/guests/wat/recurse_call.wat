;; SPDX-License-Identifier: Apache-2.0
;; Recurses for ever with a host call in every frame.
(module
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "alloc") (param i32) (result i32) (i32.const 4096))
  (func $deep (param $n i32)
    (drop (call $call (i32.const 16) (i32.const 2) (i32.const 32)))
    (call $deep (i32.add (local.get $n) (i32.const 1)))
    (i32.store (i32.const 8) (local.get $n)))
  (data (i32.const 16) "{}")
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (call $deep (i32.const 0))
    (i32.const 0)))
