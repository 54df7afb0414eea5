;; SPDX-License-Identifier: Apache-2.0
;; Answers with bytes that are no JSON.
(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (data (i32.const 16) "just text, not JSON")
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (i32.store (local.get $out) (i32.const 16))
    (i32.store offset=4 (local.get $out) (i32.const 19))
    (i32.const 0)))
