/* SPDX-License-Identifier: Apache-2.0 */
/* publisher_test.c - does publisher.h hold what it promises? */
#include "registry/publisher.h"

#include "registry/test_kit.h"

#include <stdio.h>

TEST(publisher_is_made_once_and_found_by_slug_and_id)
{
    struct ax_publisher publisher, found;
    struct kit kit;

    kit_init(&kit);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("acme"), AX_STR("Acmé"), &publisher)));
    T_TRUE(ax_id_is(publisher.id, "pub_"));
    T_TRUE(publisher.active);
    T_OK(ax_publisher_get(&kit.model, AX_STR("acme"), &found));
    T_STR(found.id, publisher.id);
    T_OK(ax_publisher_get(&kit.model, publisher.id, &found));
    T_STR(found.display_name, AX_STR("Acmé"));
    T_CODE(ax_publisher_get(&kit.model, AX_STR("nobody"), &found), AX_E_NOT_FOUND);
    T_CODE(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("acme"), AX_STR("x"), &publisher)),
           AX_E_EXISTS);
    kit_done(&kit);
}

TEST(publisher_words_have_their_limits)
{
    struct ax_publisher publisher;
    char text[AX_TITLE_MAX + 1];
    struct kit kit;
    size_t lengths[] = { 62, 63, 64 };

    kit_init(&kit);
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < AX_ARRAY_LEN(lengths); i++)
        T_EQ(KIT(&kit, ax_publisher_create(&kit.model, ax_str_make(text, lengths[i]), AX_STR("x"),
                                           &publisher)) == AX_OK,
             lengths[i] <= AX_SLUG_MAX);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("t1"), ax_str_make(text, AX_TITLE_MAX),
                                       &publisher)));
    T_CODE(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("t2"),
                                         ax_str_make(text, AX_TITLE_MAX + 1), &publisher)),
           AX_E_INVALID_REQUEST);
    kit_done(&kit);
}

TEST(publisher_words_that_are_refused)
{
    static const char *const slugs[] = { "", "-a", "A", "a b", "a.b", "a'--", "\xc3\xa4" };
    static const char *const titles[] = { "", "a\nb", "\x1b[1m", "\xc2\x85", "\xff" };
    struct ax_publisher publisher;
    struct kit kit;

    kit_init(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(slugs); i++) {
        T_CODE(KIT(&kit,
                   ax_publisher_create(&kit.model, ax_str_of(slugs[i]), AX_STR("x"), &publisher)),
               AX_E_INVALID_REQUEST);
        T_STR(ax_str_of(kit.err.pointer), AX_STR("/slug"));
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(titles); i++)
        T_CODE(KIT(&kit,
                   ax_publisher_create(&kit.model, AX_STR("x"), ax_str_of(titles[i]), &publisher)),
               AX_E_INVALID_REQUEST);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("x"), AX_STR("x"), &publisher)));
    kit_done(&kit);
}

TEST(publisher_pages_follow_each_other)
{
    struct ax_page page = { .limit = 2 };
    struct ax_publisher publisher, *list;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    for (const char *slug = "cbadecba"; *slug && slug[4]; slug++)
        T_OK(KIT(&kit,
                 ax_publisher_create(&kit.model, ax_str_make(slug, 1), AX_STR("x"), &publisher)));
    T_OK(ax_publisher_list(&kit.model, &page, &list, &count));
    T_EQ(count, 2);
    T_STR(list[0].slug, AX_STR("a"));
    page.after = list[1].slug;
    T_OK(ax_publisher_list(&kit.model, &page, &list, &count));
    T_EQ(count, 2);
    T_STR(list[0].slug, AX_STR("c"));
    T_STR(list[1].slug, AX_STR("d"));
    page.after = list[1].slug;
    T_OK(ax_publisher_list(&kit.model, &page, &list, &count));
    T_EQ(count, 0);
    kit_done(&kit);
}

TEST(publisher_change_needs_the_revision_that_it_names)
{
    struct ax_publisher publisher;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_CODE(KIT(&kit, ax_publisher_set_active(&kit.model, AX_STR("acme"), 2, false, &publisher)),
           AX_E_PRECONDITION_FAILED);
    T_OK(KIT(&kit, ax_publisher_set_active(&kit.model, AX_STR("acme"), 1, false, &publisher)));
    T_FALSE(publisher.active);
    T_EQ(publisher.revision, 2);
    T_OK(KIT(&kit, ax_publisher_set_active(&kit.model, AX_STR("acme"), 0, true, &publisher)));
    T_TRUE(publisher.active);
    kit_done(&kit);
}

TEST(prefixes_of_two_publishers_never_overlap)
{
    static const char *const taken[] = { "com.acme.", "com.acme.tools.", "com." };
    static const char *const bad[] = { "",           ".",    "com",   "com.acme", "com..acme.",
                                       ".com.acme.", "Com.", "co m.", "com.%." };
    struct ax_publisher publisher;
    struct ax_str *list;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("bolt"), AX_STR("Bolt"), &publisher)));
    for (size_t i = 0; i < AX_ARRAY_LEN(taken); i++)
        T_CODE(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("bolt"), ax_str_of(taken[i]))),
               AX_E_CONFLICT);
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        T_CODE(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("bolt"), ax_str_of(bad[i]))),
               AX_E_INVALID_REQUEST);
    T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("bolt"), AX_STR("com.acmex."))));
    T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("acme"), AX_STR("com.acme."))));
    T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("acme"), AX_STR("com.acme.lab."))));
    T_OK(ax_publisher_prefix_list(&kit.model, AX_STR("acme"), &list, &count));
    T_EQ(count, 2);
    T_STR(list[0], AX_STR("com.acme."));
    kit_done(&kit);
}

TEST(prefixes_have_a_limit)
{
    struct ax_publisher publisher;
    char prefix[16];
    struct kit kit;

    kit_init(&kit);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("a"), AX_STR("A"), &publisher)));
    for (unsigned i = 0; i < AX_PUBLISHER_PREFIXES_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "p%u.", i);
        T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("a"), ax_str_of(prefix))));
    }
    T_CODE(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("a"), AX_STR("one.more."))),
           AX_E_CONFLICT);
    T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, AX_STR("a"), AX_STR("p0."))));
    kit_done(&kit);
}

TEST(key_belongs_to_one_publisher_and_stays_revoked)
{
    struct ax_publisher_key key, *list;
    struct ax_publisher publisher;
    struct ax_str pem;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    pem = kit_key(&kit);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("bolt"), AX_STR("Bolt"), &publisher)));
    T_OK(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("bolt"), pem, &key)));
    T_TRUE(key.active);
    T_EQ(key.keyid.len, 64);
    T_OK(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("bolt"), pem, &key)));
    T_CODE(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("acme"), pem, &key)), AX_E_EXISTS);
    T_CODE(KIT(&kit, ax_publisher_key_revoke(&kit.model, AX_STR("acme"), key.keyid, AX_STR(""))),
           AX_E_NOT_FOUND);
    T_OK(KIT(&kit, ax_publisher_key_revoke(&kit.model, AX_STR("bolt"), key.keyid, AX_STR("lost"))));
    T_OK(KIT(&kit, ax_publisher_key_revoke(&kit.model, AX_STR("bolt"), key.keyid, AX_STR("x"))));
    T_CODE(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("bolt"), pem, &key)), AX_E_CONFLICT);
    T_OK(ax_publisher_key_list(&kit.model, AX_STR("bolt"), &list, &count));
    T_EQ(count, 1);
    T_FALSE(list[0].active);
    T_STR(list[0].pem, pem);
    kit_done(&kit);
}

TEST(key_that_is_none_is_refused)
{
    static const char *const bad[] = {
        "", "key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    };
    struct ax_publisher_key key;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        T_CODE(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("acme"), ax_str_of(bad[i]), &key)),
               AX_E_INVALID_REQUEST);
    T_OK(KIT(&kit, ax_publisher_key_add(&kit.model, AX_STR("acme"), kit_key(&kit), &key)));
    kit_done(&kit);
}

TEST_MAIN()
