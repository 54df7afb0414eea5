;; SPDX-License-Identifier: Apache-2.0
;; Returns how much of its fresh memory, global and table is not as declared: 0 if nothing leaked.
(module
  (memory (export "memory") 16)
  (table $slots 8 funcref)
  (global $mark (mut i64) (i64.const 0))
  (global $dirty (mut i32) (i32.const 0))
  (func $count (param i32)
    (global.set $dirty (i32.add (global.get $dirty) (local.get 0))))
  (func $main
    (local $at i32)
    (call $count (i64.ne (global.get $mark) (i64.const 0)))
    (loop $again
      (call $count (i64.ne (i64.load (local.get $at)) (i64.const 0)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 0x100000))))
    (local.set $at (i32.const 0))
    (loop $again
      (call $count (i32.eqz (ref.is_null (table.get $slots (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 8)))))
  (start $main)
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (global.get $dirty)))
