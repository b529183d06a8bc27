-- Events of agents. The ticket_id is null for an event that stands on its own.
create table events (
    id text primary key,
    subject text,
    status text,
    status_type text,
    priority text,
    category text,
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

create index events_modified_time on events (modified_time);
create index events_created_time on events (created_time);
create index events_start_time on events (start_time);
create index events_ticket_id on events (ticket_id);
create index events_contact_id on events (contact_id);
create index events_department_id on events (department_id);
create index events_owner_id on events (owner_id);
