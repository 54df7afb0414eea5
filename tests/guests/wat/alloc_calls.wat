;; SPDX-License-Identifier: Apache-2.0
;; Its alloc calls the host, and traps unless that answers 12.
(module
  (import "alga" "http_fetch" (func $fetch (param i32 i32 i32) (result i32)))
  (import "alga" "http.fetch" (func $fetch_dot (param i32 i32 i32) (result i32)))
  (import "alga" "host_call" (func $call (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func $must (param i32)
    (if (i32.ne (local.get 0) (i32.const 12)) (then (unreachable))))
  (func (export "alloc") (param $size i32) (result i32)
    (call $must (call $fetch (i32.const 16) (i32.const 2) (i32.const 32)))
    (call $must (call $fetch_dot (i32.const 16) (i32.const 2) (i32.const 32)))
    (call $must (call $call (i32.const 16) (i32.const 2) (i32.const 32)))
    (global.set $next (i32.add (global.get $next) (local.get $size)))
    (i32.sub (global.get $next) (local.get $size)))
  (func (export "handler") (param $ptr i32) (param $len i32) (param $out i32) (result i32)
    (call $call (local.get $ptr) (local.get $len) (local.get $out))))
