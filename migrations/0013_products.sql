-- Products. The code is not unique, because Zoho does not ask for it.
create table products (
    id text primary key,
    product_name text,
    product_code text,
    product_category text,
    manufacturer text,
    unit_price text,
    description text,
    department_ids jsonb,
    owner_id text,
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

create index products_modified_time on products (modified_time);
create index products_created_time on products (created_time);
create index products_owner_id on products (owner_id);
