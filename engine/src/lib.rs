// SPDX-License-Identifier: Apache-2.0
//! How is Wasmtime driven from C?
//!
//! `include/engine.h` is the contract; [`ffi`] is its other side and the only place that touches
//! raw pointers of the caller. Behind it:
//!
//! - [`config`]: every setting, once, for builder and worker; the digest over them
//! - [`inspect`]: may this module be a guest?
//! - [`engine`]: one engine per process, its slots, its modules
//! - [`code`]: machine code that somebody else mapped
//! - [`ticker`]: the second thread, which ends slices
//! - [`exec`]: one execution from request to response
//! - [`host`]: what a core@1 guest may import
//! - [`limits`]: what an execution may have and log

pub mod code;
pub mod config;
pub mod engine;
pub mod exec;
pub mod ffi;
pub mod host;
pub mod inspect;
pub mod limits;
pub mod ticker;
