/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - who and what is this execution: context, config, user?
 * Answered from what the execution was started with; nothing is asked of anybody. */
#include "host/interface.h"

/* --- context --- */

static void identity_put_option(struct ax_json_out *out, const char *key, struct ax_str value)
{
    ax_json_key(out, key);
    if (value.len > 0)
        ax_json_put_str(out, value);
    else
        ax_json_put_null(out);
}

void host_context_get(struct host_work *work)
{
    const struct ax_host_grants *grants = work->call->grants;
    struct ax_json_out *out = &work->out;

    host_answer_begin(work);
    ax_json_begin_object(out);
    identity_put_option(out, "request-id", grants->request_id);
    ax_json_key(out, "tenant-id");
    ax_json_put_str(out, grants->tenant_id);
    ax_json_key(out, "extension-id");
    ax_json_put_str(out, grants->extension_id);
    identity_put_option(out, "install-id", grants->install_id);
    identity_put_option(out, "version-id", grants->version_id);
    ax_json_end_object(out);
    host_answer_end(work);
    host_work_finish(work, AX_HOST_OK);
}

/* --- objects of the execute request --- */

/* The front has read `text` once already: what does not parse here is our own mistake. Empty text
 * gives NULL. */
static enum ax_host_number identity_parse(struct ax_str text, struct ax_json **ret_json)
{
    struct ax_json_limits limits = { .bytes_max = HOST_MESSAGE_MAX };

    *ret_json = NULL;
    if (text.len == 0)
        return AX_HOST_OK;
    return ax_json_parse(text, &limits, ret_json, NULL) == AX_OK ? AX_HOST_OK : AX_HOST_INTERNAL;
}

/* Strings as they are, everything else as its JSON text. */
static void identity_put_text(struct host_work *work, const struct ax_json_value *value)
{
    AX_AUTO_BUF struct ax_buf text = { .max = HOST_MESSAGE_MAX };

    if (ax_json_type(value) == AX_JSON_STRING) {
        ax_json_put_str(&work->out, ax_json_str(value));
        return;
    }
    if (ax_json_write_value(&text, value) != AX_OK)
        work->call->answer.failed = text.failed;
    ax_json_put_str(&work->out, ax_buf_str(&text));
}

/* list<tuple<string, string>> */
static void identity_put_pairs(struct host_work *work, const struct ax_json_value *object)
{
    struct ax_json_iter it = ax_json_iter(object);

    ax_json_begin_array(&work->out);
    while (ax_json_next(&it)) {
        if (ax_json_is_absent(it.value))
            continue;
        ax_json_begin_array(&work->out);
        ax_json_put_str(&work->out, it.key);
        identity_put_text(work, it.value);
        ax_json_end_array(&work->out);
    }
    ax_json_end_array(&work->out);
}

/* --- config --- */

void host_config_get(struct host_work *work)
{
    AX_AUTO(ax_json_free) struct ax_json *config = NULL;
    const struct ax_json_value *key = ax_json_get(work->args, "key");
    const struct ax_json_value *value;
    enum ax_host_number number = AX_HOST_INVALID;

    if (ax_json_type(key) == AX_JSON_STRING && ax_json_count(work->args) == 1)
        number = identity_parse(work->call->grants->config_json, &config);
    if (number == AX_HOST_OK) {
        value = config == NULL ? NULL : ax_json_get_str(ax_json_root(config), ax_json_str(key));
        host_answer_begin(work);
        if (ax_json_is_absent(value))
            ax_json_put_null(&work->out);
        else
            identity_put_text(work, value);
        host_answer_end(work);
    }
    host_work_finish(work, number);
}

void host_config_list(struct host_work *work)
{
    AX_AUTO(ax_json_free) struct ax_json *config = NULL;
    enum ax_host_number number = identity_parse(work->call->grants->config_json, &config);

    if (number == AX_HOST_OK) {
        host_answer_begin(work);
        identity_put_pairs(work, config == NULL ? NULL : ax_json_root(config));
        host_answer_end(work);
    }
    host_work_finish(work, number);
}

/* --- user --- */

static void user_put(struct host_work *work, const char *key, const struct ax_json_value *value)
{
    ax_json_key(&work->out, key);
    ax_json_put_str(&work->out, ax_json_str(value)); /* absent: empty */
}

static void user_write(struct host_work *work, const struct ax_json_value *user, bool v2)
{
    struct ax_json_out *out = &work->out;
    const struct ax_json_value *client = ax_json_get(user, "client_name");

    if (ax_json_is_absent(client))
        client = ax_json_get(user, "company_name");
    host_answer_begin(work);
    ax_json_begin_object(out);
    ax_json_key(out, "tenant-id");
    ax_json_put_str(out, work->call->grants->tenant_id);
    user_put(work, "client-name", client);
    user_put(work, "user-id", ax_json_get(user, "user_id"));
    user_put(work, "user-email", ax_json_get(user, "user_email"));
    user_put(work, "user-name", ax_json_get(user, "user_name"));
    user_put(work, "user-type", ax_json_get(user, "user_type"));
    if (v2) {
        identity_put_option(out, "client-id", ax_json_str(ax_json_get(user, "client_id")));
        ax_json_key(out, "additional-fields");
        identity_put_pairs(work, ax_json_get(user, "additional_fields"));
    }
    ax_json_end_object(out);
    host_answer_end(work);
}

static void user_get(struct host_work *work, bool v2)
{
    AX_AUTO(ax_json_free) struct ax_json *user = NULL;
    enum ax_host_number number = identity_parse(work->call->grants->user_json, &user);

    if (number == AX_HOST_OK && user == NULL)
        host_answer_err(work, "not-available");
    else if (number == AX_HOST_OK)
        user_write(work, ax_json_root(user), v2);
    host_work_finish(work, number);
}

void host_user_get(struct host_work *work)
{
    user_get(work, false);
}

void host_user_v2_get(struct host_work *work)
{
    user_get(work, true);
}
