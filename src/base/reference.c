/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c - how do the tables of this folder read as pages? Run by script/reference. */
#include "base/err.h"
#include "base/settings.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE_MAX    (1u << 20)
#define REFERENCE_PUBLIC AX_E_CANCELED /* the first of the codes that stay inside */

static void reference_errors(struct ax_buf *buf)
{
    static const char *const retries[] = { [AX_RETRY_NEVER] = "no",
                                           [AX_RETRY_NOT_STARTED] = "any method",
                                           [AX_RETRY_SAFE_ONLY] = "GET and HEAD" };

    (void)ax_buf_printf(buf,
                        "# Which errors are there?\n\n"
                        "Every failure that is not the extension's own answer is "
                        "`{\"error\":{\"code\",\"message\",\"request_id\",\"pointer\"?}}` with "
                        "one of these codes.\n\n"
                        "| code | status | may the extension have started | try again | the "
                        "extension's fault | what it means |\n|---|---|---|---|---|---|\n");
    for (int code = AX_OK + 1; code < REFERENCE_PUBLIC; code++) {
        const struct ax_code_info *info = ax_code_info((enum ax_code)code);

        (void)ax_buf_printf(buf, "| `%s` | %d | %s | %s | %s | %s |\n", info->name, info->status,
                            info->may_have_started ? "yes" : "no", retries[info->retry],
                            info->extension_fault ? "yes" : "no", info->words);
    }
}

int main(int argc, char *argv[])
{
    struct ax_buf buf = { .max = REFERENCE_MAX };
    bool written = false;

    if (argc == 2 && strcmp(argv[1], "settings") == 0)
        ax_settings_print_reference(&buf);
    else if (argc == 2 && strcmp(argv[1], "errors") == 0)
        reference_errors(&buf);
    if (buf.failed == AX_OK && buf.len > 0)
        written = fwrite(buf.ptr, 1, buf.len, stdout) == buf.len && fflush(stdout) == 0;
    ax_buf_done(&buf);
    return written ? 0 : 2;
}
