-- Devices, what the last poll of each said, and what happened.

-- `password` is sealed by the tenant's data key. `revision` grows with every change of the record.
-- Names and addresses are compared without case.
create table devices (
    tenant_id    uuid not null references tenants (id) on delete cascade,
    id           uuid not null,
    name         text not null,
    name_key     text collate "C" not null generated always as (lower(name collate "C")) stored,
    address      text not null,
    port         integer not null,
    ssh_port     integer not null,
    tls          text not null,
    username     text not null,
    password     bytea not null,
    zone         text not null,
    site         text,
    tags         text[] not null default '{}',
    note         text,
    poll_seconds integer not null,
    legacy_login boolean not null default false,
    tls_pin      text,
    ssh_pin      text,
    revision     bigint not null default 1,
    created_at   timestamptz not null,
    primary key (tenant_id, id),
    constraint devices_name_key unique (tenant_id, name_key),
    constraint devices_address_key unique (tenant_id, zone, address, port),
    constraint devices_tls_check check (tls in ('auto', 'verified', 'pinned', 'plain')),
    constraint devices_port_check check (port between 1 and 65535 and ssh_port between 1 and 65535)
);
create index devices_zone_idx on devices (zone, id);
alter table devices enable row level security;
alter table devices force row level security;
create policy tenant_isolation on devices to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on devices to tod_system using (true) with check (true);
grant select, insert, update, delete on devices to tod_app;
grant select, insert, update, delete on devices to tod_system;

-- One row for each device, made with it. `version_key` sorts as versions do; see `filter.rs`.
-- `pending_change` is the number of the change that waits for confirmation.
create table device_state (
    tenant_id           uuid not null,
    device_id           uuid not null,
    status              text not null default 'unknown',
    status_since        timestamptz not null,
    status_reason       text,
    seen_at             timestamptz,
    identity            text,
    model               text,
    arch                text,
    serial              text,
    version             text,
    version_key         bigint[],
    channel             text,
    uptime_seconds      bigint,
    cpu_percent         double precision,
    mem_percent         double precision,
    disk_percent        double precision,
    temperature_celsius double precision,
    voltage             double precision,
    rx_bps              bigint,
    tx_bps              bigint,
    poll_ms             integer,
    pending_change      bigint,
    primary key (tenant_id, device_id),
    constraint device_state_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade,
    constraint device_state_status_check
        check (status in ('online', 'degraded', 'offline', 'unknown'))
);
alter table device_state enable row level security;
alter table device_state force row level security;
create policy tenant_isolation on device_state to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on device_state to tod_system using (true) with check (true);
grant select, insert, update, delete on device_state to tod_app;
grant select, insert, update, delete on device_state to tod_system;

-- How often pollers signed in, by hour: the sum over a day is what people see.
create table device_logins (
    tenant_id uuid not null,
    device_id uuid not null,
    hour      timestamptz not null,
    logins    integer not null,
    primary key (tenant_id, device_id, hour),
    constraint device_logins_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade
);
alter table device_logins enable row level security;
alter table device_logins force row level security;
create policy tenant_isolation on device_logins to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on device_logins to tod_system using (true) with check (true);
grant select on device_logins to tod_app;
grant select, insert, update, delete on device_logins to tod_system;

-- The interfaces of a device as the last poll saw them, in the device's order.
create table interfaces (
    tenant_id  uuid not null,
    device_id  uuid not null,
    name       text not null,
    position   integer not null,
    kind       text not null,
    running    boolean not null,
    disabled   boolean not null,
    comment    text,
    mac        text,
    mtu        integer,
    rx_bytes   bigint,
    tx_bytes   bigint,
    rx_packets bigint,
    tx_packets bigint,
    rx_bps     bigint,
    tx_bps     bigint,
    errors     bigint,
    drops      bigint,
    primary key (tenant_id, device_id, name),
    constraint interfaces_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade
);
alter table interfaces enable row level security;
alter table interfaces force row level security;
create policy tenant_isolation on interfaces to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on interfaces to tod_system using (true) with check (true);
grant select on interfaces to tod_app;
grant select, insert, update, delete on interfaces to tod_system;

-- What happened, numbered by the counter `event` of the tenant. An event outlives its device.
create table events (
    tenant_id   uuid not null references tenants (id) on delete cascade,
    cursor      bigint not null,
    at          timestamptz not null,
    kind        text not null,
    device_id   uuid,
    device_name text,
    from_state  text,
    to_state    text,
    message     text not null,
    actor       text,
    primary key (tenant_id, cursor)
);
create index events_device_idx on events (tenant_id, device_id, cursor);
alter table events enable row level security;
alter table events force row level security;
create policy tenant_isolation on events to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on events to tod_system using (true) with check (true);
grant select, insert on events to tod_app;
grant select, insert, delete on events to tod_system;
