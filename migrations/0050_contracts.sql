-- Contracts with customers.
create table contracts (
    id text primary key,
    contract_name text,
    contract_number text,
    contract_status text,
    description text,
    start_date date,
    end_date date,
    notify_on date,
    notify_before bigint,
    notification_agent_ids jsonb,
    department_id text,
    owner_id text,
    account_id text,
    product_id text,
    associated_sla_id text,
    associated_support_plan_id text,
    support_plan jsonb,
    account jsonb,
    product jsonb,
    sla jsonb,
    owner jsonb,
    layout_id text,
    created_by text,
    modified_by text,
    created_time timestamptz,
    modified_time timestamptz,
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

create index contracts_modified_time on contracts (modified_time);
create index contracts_created_time on contracts (created_time);
create index contracts_account_id on contracts (account_id);
