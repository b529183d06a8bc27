-- Calls of agents. The ticket_id is null for a call that stands on its own.
create table calls (
    id text primary key,
    subject text,
    status text,
    status_type text,
    direction text,
    priority text,
    description text,
    activity_type text,
    duration_s bigint,
    start_time timestamptz,
    completed_time timestamptz,
    department_id text,
    department jsonb,
    owner_id text,
    creator_id text,
    modified_by jsonb,
    assignee jsonb,
    contact_id text,
    contact jsonb,
    ticket_id text,
    ticket jsonb,
    layout_id text,
    reminder jsonb,
    is_commented boolean,
    created_time timestamptz,
    modified_time timestamptz,
    web_url text,
    custom_fields jsonb,
    custom_fields_by_label jsonb,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null,
    _deleted_by text,
    _deleted_reason text,
    _merged_into text
);

create index calls_modified_time on calls (modified_time);
create index calls_created_time on calls (created_time);
create index calls_start_time on calls (start_time);
create index calls_ticket_id on calls (ticket_id);
create index calls_contact_id on calls (contact_id);
create index calls_department_id on calls (department_id);
create index calls_owner_id on calls (owner_id);
