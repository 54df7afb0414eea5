/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - when does OpenSSL wake up?
 *
 * OpenSSL loads its algorithms and opens its sources of randomness when they are first used. A role
 * that seals itself calls ax_crypto_init() before it does; everybody else may forget it, every
 * function of this folder calls it. No configuration file of the machine is read. */
#ifndef AX_CRYPTO_CRYPTO_H
#define AX_CRYPTO_CRYPTO_H

/* Idempotent; any thread. Aborts when OpenSSL lacks an algorithm that we need. */
void ax_crypto_init(void);

/* Empties this thread's queue of OpenSSL errors. For whoever calls a library that uses OpenSSL and
 * leaves its failures there, where the next TLS connection would find them. */
void ax_crypto_forget_errors(void);

#endif
