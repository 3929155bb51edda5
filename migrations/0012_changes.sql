-- Changes of devices' configuration.

-- `push` is the machine of `server/src/push/machine.rs`; `state` and `reverts_at` repeat what
-- queries need of it. `secret` is the script, its inverse and the plan, `config` the configuration
-- before the change, both sealed by the tenant's data key. A worker holds a change until
-- `worker_until`.
create table changes (
    tenant_id    uuid not null,
    id           uuid not null,
    number       bigint not null,
    device_id    uuid not null,
    device_name  text not null,
    state        text not null,
    push         jsonb not null,
    secret       bytea not null,
    config       bytea,
    reverts_at   timestamptz,
    worker       uuid,
    worker_until timestamptz,
    actor        text not null,
    created_at   timestamptz not null,
    primary key (tenant_id, id),
    constraint changes_number_key unique (tenant_id, number),
    constraint changes_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade
);
create index changes_device_idx on changes (tenant_id, device_id, number);
create index changes_open_idx on changes (state)
    where state not in ('planned', 'confirmed', 'reverted', 'refused', 'unknown');
alter table changes enable row level security;
alter table changes force row level security;
create policy tenant_isolation on changes to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on changes to tod_system using (true) with check (true);
grant select, insert, update on changes to tod_app;
grant select, insert, update, delete on changes to tod_system;

-- The time line of a change, numbered by the turns of its machine.
create table change_steps (
    tenant_id uuid not null,
    change_id uuid not null,
    turn      integer not null,
    at        timestamptz not null,
    state     text not null,
    message   text not null,
    primary key (tenant_id, change_id, turn),
    constraint change_steps_change_fkey foreign key (tenant_id, change_id)
        references changes (tenant_id, id) on delete cascade
);
alter table change_steps enable row level security;
alter table change_steps force row level security;
create policy tenant_isolation on change_steps to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on change_steps to tod_system using (true) with check (true);
grant select, insert on change_steps to tod_app;
grant select, insert, update, delete on change_steps to tod_system;

-- One thing at a time is done to a device. A device that is locked cannot be deleted: the key to
-- it does not cascade.
create table device_locks (
    tenant_id uuid not null,
    device_id uuid not null,
    change_id uuid not null,
    number    bigint not null,
    actor     text not null,
    taken_at  timestamptz not null,
    constraint device_locks_pkey primary key (tenant_id, device_id),
    constraint device_locks_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id)
);
alter table device_locks enable row level security;
alter table device_locks force row level security;
create policy tenant_isolation on device_locks to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on device_locks to tod_system using (true) with check (true);
grant select, insert, update, delete on device_locks to tod_app;
grant select, insert, update, delete on device_locks to tod_system;
