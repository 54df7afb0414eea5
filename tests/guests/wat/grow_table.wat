;; SPDX-License-Identifier: Apache-2.0
;; Grows its table until it is refused, then answers.
(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (table $slots 1 funcref)
  (data (i32.const 16) "{\"status\":200,\"headers\":{\"content-type\":\"text/plain\"},\"body_b64\":\"b2s=\"}")
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (loop $again
      (br_if $again (i32.ne (table.grow $slots (ref.null func) (i32.const 1000)) (i32.const -1))))
    (i32.store (local.get $out) (i32.const 16))
    (i32.store offset=4 (local.get $out) (i32.const 72))
    (i32.const 0)))
