;; SPDX-License-Identifier: Apache-2.0
;; Its alloc gives odd places.
(module
  (memory (export "memory") 2)
  (func (export "alloc") (param $size i32) (result i32)
    (i32.add (i32.const 4097) (i32.shl (local.get $size) (i32.const 1))))
  (data (i32.const 16) "{\"status\":200,\"headers\":{\"content-type\":\"text/plain\"},\"body_b64\":\"b2s=\"}")
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (i32.store (local.get $out) (i32.const 16))
    (i32.store offset=4 (local.get $out) (i32.const 72))
    (i32.const 0)))
