;; SPDX-License-Identifier: Apache-2.0
;; Never comes back from its alloc.
(module
  (memory (export "memory") 2)
  (func (export "alloc") (param i32) (result i32) (loop $again (br $again)) (i32.const 4096))
  (data (i32.const 16) "{\"status\":200,\"headers\":{\"content-type\":\"text/plain\"},\"body_b64\":\"b2s=\"}")
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (i32.store (local.get $out) (i32.const 16))
    (i32.store offset=4 (local.get $out) (i32.const 72))
    (i32.const 0)))
