;; SPDX-License-Identifier: Apache-2.0
;; Its alloc gives the same place every time; answers with its request.
(module
  (memory (export "memory") 2)
  (func (export "alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (memory.copy (i32.const 16) (local.get $ptr) (local.get $len))
    (i32.store (local.get $out) (i32.const 16))
    (i32.store offset=4 (local.get $out) (local.get $len))
    (i32.const 0)))
