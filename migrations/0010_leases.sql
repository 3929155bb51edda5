-- Who polls what.

-- Pollers that have asked for leases lately. `public_key` is what credentials are sealed to.
create table pollers (
    id         uuid primary key,
    zones      text[] not null,
    public_key text not null,
    seen_at    timestamptz not null
);
alter table pollers enable row level security;
alter table pollers force row level security;
create policy system_access on pollers to tod_system using (true) with check (true);
grant select, insert, update, delete on pollers to tod_system;

-- The holder of each device. `fence` grows when the holder changes; a lease that was given back
-- has no holder and keeps its fence.
create table device_leases (
    tenant_id  uuid not null,
    device_id  uuid not null,
    poller_id  uuid,
    fence      bigint not null,
    expires_at timestamptz not null,
    primary key (tenant_id, device_id),
    constraint device_leases_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade
);
create index device_leases_poller_idx on device_leases (poller_id);
alter table device_leases enable row level security;
alter table device_leases force row level security;
create policy tenant_isolation on device_leases to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on device_leases to tod_system using (true) with check (true);
grant select on device_leases to tod_app;
grant select, insert, update, delete on device_leases to tod_system;
