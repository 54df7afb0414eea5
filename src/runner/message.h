/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - what do the runner's processes say to each other?
 *
 * One table of every message between them: who sends it, the payload's fields in order, whether a
 * descriptor rides along. "id" is the frame's id. Times are CLOCK_MONOTONIC, which all processes of
 * one machine share. A receiver that does not expect a type ends the channel. */
#ifndef AX_RUNNER_MESSAGE_H
#define AX_RUNNER_MESSAGE_H

/* Largest frames: an execute body of 8 MiB plus context travels to a worker whole. */
#define AX_MSG_WORK_MAX    (20u << 20)
#define AX_MSG_CONTROL_MAX (64u << 10)

enum ax_msg {
    /* supervisor -> role, on the control socket */
    AX_MSG_LISTENER = 1, /* fd: listening socket | u8 enum ax_listener */
    AX_MSG_PEER,         /* fd: socket to a peer | u8 enum ax_peer, u32 slot, u32 pid */
    AX_MSG_DIR,          /* fd: O_DIRECTORY | u8 enum ax_dir */
    AX_MSG_BUILDER,      /* fd: socket to a fresh builder | u32 pid (id: of the request) */
    AX_MSG_BUILDER_EXIT, /* u32 wait status (id: of the request); after the process is gone */
    AX_MSG_DRAIN,        /* finish what runs, then exit 0 | u64 grace ms */
    AX_MSG_RELOAD,       /* fd: sealed settings */

    /* role -> supervisor, on the control socket */
    AX_MSG_READY = 16,   /* sealed and able to work */
    AX_MSG_WANT_BUILDER, /* loader asks; answered by BUILDER or BUILDER_EXIT with the same id */
    AX_MSG_KILL_BUILDER, /* the job's time is over (id: of the request) */
    AX_MSG_RESTART_PEER, /* front: that peer broke the rules or is stuck | u8 enum ax_peer, u32 slot */

    /* front -> worker */
    AX_MSG_LOAD = 32, /* fd: sealed machine code | u8 enum ax_abi (id: module) */
    AX_MSG_UNLOAD,    /* (id: module); only when none of its executions runs */
    AX_MSG_EXEC,      /* (id: execution) see exec_message.h */
    AX_MSG_ANSWER,    /* u32 call, u32 number (0, or error 1..12), body (id: execution) */
    AX_MSG_CANCEL,    /* (id: execution); a DONE or FAULT on its way may still arrive */

    /* worker -> front */
    AX_MSG_HELLO = 48, /* u32 slots, str engine target; first frame */
    AX_MSG_LOADED,     /* u32 enum ax_code, str words (id: module) */
    AX_MSG_CALL,       /* u32 call, str interface, str function, body (id: execution) */
    AX_MSG_LOG,        /* u32 milliseconds since start, u8 level, body text (id: execution) */
    AX_MSG_DONE,       /* usage, u32 status, u32 n, n x (str name, str value), body */
    AX_MSG_FAULT,      /* usage, u32 enum ax_code, str words (id: execution) */

    /* front -> loader */
    AX_MSG_GET = 64, /* str 32-byte hash, str extension id, u64 deadline ms (id: request) */

    /* loader -> front */
    AX_MSG_HAVE = 80, /* fd: sealed machine code, none for UI only | u8 enum ax_abi, str manifest
                         JSON as signed (id: request) */
    AX_MSG_FAIL,    /* u32 enum ax_code, u32 retry-after ms (0: do not), str words (id: request) */
    AX_MSG_CACHE,   /* u8 can the cache be written? At the start and whenever it changes */
    AX_MSG_RECHECK, /* whom we trust has changed: ask again for every unit that you hold */
    AX_MSG_STEP,    /* str name, u32 milliseconds: a step that a warm-up reports (id: request) */
};

/* Names in STEP: found in the cache; taken from the store; signature checked; built with machine
 * code; built without a module. */
#define AX_STEP_CACHED   "cached"
#define AX_STEP_FETCHED  "fetched"
#define AX_STEP_VERIFIED "verified"
#define AX_STEP_COMPILED "compiled"
#define AX_STEP_UNPACKED "unpacked"

enum ax_listener { AX_LISTENER_PRIVATE = 1, AX_LISTENER_PUBLIC };
enum ax_peer { AX_PEER_FRONT = 1, AX_PEER_LOADER, AX_PEER_WORKER };
enum ax_dir { AX_DIR_CACHE = 1, AX_DIR_STATE, AX_DIR_STORE };
enum ax_abi { AX_ABI_NONE, AX_ABI_CORE, AX_ABI_COMPONENT };

/* Usage, in DONE and FAULT: u64 cpu ns, u64 wall ns, u64 waiting-for-host ns, u64 waiting-for-turn
 * ns, u32 peak KiB, u32 host calls, u32 log lines dropped. */

#endif
