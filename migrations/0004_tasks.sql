-- Tasks of agents. The ticket_id is null for a task that stands on its own.
create table tasks (
    id text primary key,
    subject text,
    status text,
    status_type text,
    priority text,
    category text,
    description text,
    activity_type text,
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
    due_date timestamptz,
    completed_time timestamptz,
    created_time timestamptz,
    modified_time timestamptz,
    web_url text,
    custom_fields jsonb,
    custom_fields_by_label jsonb,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null
);

create index tasks_modified_time on tasks (modified_time);
create index tasks_created_time on tasks (created_time);
create index tasks_due_date on tasks (due_date);
create index tasks_completed_time on tasks (completed_time);
create index tasks_ticket_id on tasks (ticket_id);
create index tasks_contact_id on tasks (contact_id);
create index tasks_department_id on tasks (department_id);
create index tasks_owner_id on tasks (owner_id);
