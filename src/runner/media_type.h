/* SPDX-License-Identifier: Apache-2.0 */
/* media_type.h - what does a browser call this file? */
#ifndef AX_RUNNER_MEDIA_TYPE_H
#define AX_RUNNER_MEDIA_TYPE_H

#include "base/str.h"

/* From a fixed table by the path's last extension, ASCII case aside; what is not in it is
 * "application/octet-stream". Static. */
struct ax_str ax_media_type(struct ax_str path);

#endif
