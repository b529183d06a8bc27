-- What belongs to articles: their translations, and what readers wrote about them.
create table article_translations (
    translation_id text primary key,
    article_id text,
    title text,
    summary text,
    permalink text,
    status text,
    permission text,
    created_time timestamptz,
    modified_time timestamptz,
    author_id text,
    web_url text,
    portal_url text,
    latest_version text,
    latest_version_status text,
    latest_published_version text,
    department_id text,
    creator_id text,
    modifier_id text,
    owner_id text,
    latest_version_modifier_id text,
    locale text,
    source_locale text,
    translation_state text,
    translation_source jsonb,
    is_trashed boolean,
    is_template boolean,
    is_locked boolean,
    template_usage_count bigint,
    template_used_users_count bigint,
    template_last_updated_time timestamptz,
    like_count bigint,
    dislike_count bigint,
    view_count bigint,
    usage_count bigint,
    comment_count bigint,
    feedback_count bigint,
    attachment_count bigint,
    position bigint,
    root_category_id text,
    category_id text,
    category jsonb,
    created_by jsonb,
    modified_by jsonb,
    owner jsonb,
    author jsonb,
    latest_version_modified_by jsonb,
    available_locale_translations jsonb,
    secondary_titles jsonb,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null,
    _deleted_by text,
    _deleted_reason text,
    _merged_into text
);

create index article_translations_article_id on article_translations (article_id);
create index article_translations_modified_time on article_translations (modified_time);

create table article_feedback (
    id text primary key,
    created_time timestamptz,
    content text,
    status text,
    contact_id text,
    ticket_id text,
    article jsonb,
    article_id text,
    article_locale text,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null,
    _deleted_by text,
    _deleted_reason text,
    _merged_into text
);

create index article_feedback_created_time on article_feedback (created_time);
create index article_feedback_article_id on article_feedback (article_id);
create index article_feedback_ticket_id on article_feedback (ticket_id);

-- For which state of a parent its parts were read: those of a parent that has another fingerprint by now are read again.
create table deskhouse_children (
    resource text not null,
    parent_id text not null,
    parent_hash bigint not null,
    read_at timestamptz not null,
    run_id bigint not null,
    primary key (resource, parent_id)
);
