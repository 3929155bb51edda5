-- How long the audit log is kept, and where chains begin that were cut.

-- Nothing is for ever. The chain of the platform has no tenant: the server is told its days.
alter table tenants add column audit_retention_days integer
    check (audit_retention_days between 1 and 36500);

-- Everything up to `seq`, whose hash was `hash`, is gone by policy, and so are uses of keys before
-- `until`. The newest row of a tenant counts. Like a checkpoint it is vouched for with a key that
-- is not in the database: whoever removes the beginning of a chain here cannot make it look so.
create table audit_anchors (
    tenant_id uuid not null,
    at        timestamptz not null,
    seq       bigint not null,
    hash      bytea not null,
    until     timestamptz not null,
    mac       bytea not null,
    primary key (tenant_id, at)
);
alter table audit_anchors enable row level security;
alter table audit_anchors force row level security;
create policy tenant_isolation on audit_anchors to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on audit_anchors to tod_system using (true) with check (true);
grant select on audit_anchors to tod_app;
grant select, insert on audit_anchors to tod_system;

-- The system may remove what an anchor says is gone, and nothing else. Of checkpoints the newest
-- stays: it vouches for all rows before it.
create function audit_log_stays() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
    if exists (
        select from gone g
        where g.seq > coalesce(
            (select max(a.seq) from audit_anchors a where a.tenant_id = g.tenant_id), 0)
    ) then
        raise insufficient_privilege using message = 'the audit log is cut at an anchor only';
    end if;
    return null;
end
$$;
create trigger audit_log_stays after delete on audit_log
    referencing old table as gone for each statement execute function audit_log_stays();

create function audit_checkpoints_stay() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
    if exists (
        select from gone g
        where not exists (
            select from audit_checkpoints c where c.tenant_id = g.tenant_id and c.seq > g.seq)
    ) then
        raise insufficient_privilege using message = 'the newest checkpoint stays';
    end if;
    return null;
end
$$;
create trigger audit_checkpoints_stay after delete on audit_checkpoints
    referencing old table as gone for each statement execute function audit_checkpoints_stay();

-- With its tenant, everything goes.
create function key_uses_stay() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
    if exists (
        select from gone g
        join tenants t on t.id = g.tenant_id
        where g.at >= coalesce(
            (select max(a.until) from audit_anchors a where a.tenant_id = g.tenant_id),
            '-infinity')
    ) then
        raise insufficient_privilege using message = 'uses of keys are cut at an anchor only';
    end if;
    return null;
end
$$;
create trigger key_uses_stay after delete on key_uses
    referencing old table as gone for each statement execute function key_uses_stay();

grant delete on audit_log, audit_checkpoints, key_uses to tod_system;
