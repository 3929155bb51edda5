-- What wraps the data keys: a master key that the servers hold, or OpenBao's Transit engine. With
-- the latter, the secret that everything else is derived from is kept here, wrapped by it.
alter table master_key_checks
    add column backend text not null default 'local' check (backend in ('local', 'transit')),
    add column root    text,
    add constraint master_key_checks_root_check check ((backend = 'transit') = (root is not null));
grant update on master_key_checks to tod_system;

-- Data keys are wrapped anew when what wraps them changes.
grant update (wrapped) on tenant_keys to tod_system;

-- Keys in the key service that are to be destroyed: those of deleted tenants, and, until they are
-- stored, those of tenants in the making.
create table doomed_keys (
    name       text primary key,
    not_before timestamptz not null
);
alter table doomed_keys enable row level security;
alter table doomed_keys force row level security;
create policy system_access on doomed_keys to tod_system using (true) with check (true);
grant select, insert, update, delete on doomed_keys to tod_system;
