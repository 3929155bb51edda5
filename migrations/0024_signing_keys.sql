-- What access tokens are signed with. The newest whose time has come signs, all that are not retired
-- are believed; a retired one is destroyed. Only the server's master key opens them.
create table signing_keys (
    id         uuid primary key,
    sealed     bytea not null,
    created_at timestamptz not null,
    signs_from timestamptz not null,
    retires_at timestamptz
);
alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy system_access on signing_keys to tod_system using (true) with check (true);
grant select, insert, update, delete on signing_keys to tod_system;
