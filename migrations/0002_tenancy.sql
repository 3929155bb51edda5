-- Tenants, people, how they sign in, keys, and the audit log.

create table tenants (
    id         uuid primary key,
    name       text not null,
    created_at timestamptz not null,
    constraint tenants_name_key unique (name)
);
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant_isolation on tenants to tod_app
    using (id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on tenants to tod_system using (true) with check (true);
grant select on tenants to tod_app;
grant select, insert, update, delete on tenants to tod_system;

-- A super administrator may be in no tenant. E-mail addresses are kept in lower case.
create table users (
    id           uuid primary key,
    tenant_id    uuid references tenants (id) on delete cascade,
    email        text not null,
    name         text not null,
    role         text not null,
    active       boolean not null default true,
    enrolled_at  timestamptz,
    last_sign_in timestamptz,
    created_at   timestamptz not null,
    constraint users_email_key unique (email),
    constraint users_role_check check (role in ('viewer', 'operator', 'admin', 'super_admin')),
    constraint users_tenant_check check (tenant_id is not null or role = 'super_admin')
);
create index users_tenant_idx on users (tenant_id, created_at);
alter table users enable row level security;
alter table users force row level security;
create policy tenant_isolation on users to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on users to tod_system using (true) with check (true);
grant select, insert, update, delete on users to tod_app;
grant select, insert, update, delete on users to tod_system;

-- What sign-ins are checked against. Only the sign-in itself reads it.
create table verifiers (
    user_id    uuid primary key references users (id) on delete cascade,
    kdf_rounds integer not null,
    kdf_salt   bytea not null,
    srp_salt   bytea not null,
    verifier   bytea not null,
    created_at timestamptz not null
);
alter table verifiers enable row level security;
alter table verifiers force row level security;
create policy system_access on verifiers to tod_system using (true) with check (true);
grant select, insert, update, delete on verifiers to tod_system;

-- The first administrator's way in. The token itself is in a file on the server's machine.
create table setup_tokens (
    token_hash bytea primary key,
    created_at timestamptz not null
);
alter table setup_tokens enable row level security;
alter table setup_tokens force row level security;
create policy system_access on setup_tokens to tod_system using (true) with check (true);
grant select, insert, delete on setup_tokens to tod_system;

create table invitations (
    user_id    uuid primary key references users (id) on delete cascade,
    token_hash bytea not null,
    expires_at timestamptz not null,
    constraint invitations_token_key unique (token_hash)
);
alter table invitations enable row level security;
alter table invitations force row level security;
create policy system_access on invitations to tod_system using (true) with check (true);
grant select, insert, update, delete on invitations to tod_system;

-- The first half of a sign-in waits here for the second, which may reach another server.
create table handshakes (
    id         uuid primary key,
    email      text not null,
    secret     bytea not null,
    expires_at timestamptz not null
);
create index handshakes_expiry_idx on handshakes (expires_at);
alter table handshakes enable row level security;
alter table handshakes force row level security;
create policy system_access on handshakes to tod_system using (true) with check (true);
grant select, insert, delete on handshakes to tod_system;

create table sign_in_sessions (
    id           uuid primary key,
    user_id      uuid not null references users (id) on delete cascade,
    label        text not null,
    created_at   timestamptz not null,
    last_used_at timestamptz not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz
);
create index sign_in_sessions_user_idx on sign_in_sessions (user_id, created_at);
alter table sign_in_sessions enable row level security;
alter table sign_in_sessions force row level security;
create policy system_access on sign_in_sessions to tod_system using (true) with check (true);
grant select, insert, update, delete on sign_in_sessions to tod_system;

-- Every refresh token of a session, used ones too: one that comes back ends the session.
create table refresh_tokens (
    token_hash bytea primary key,
    session_id uuid not null references sign_in_sessions (id) on delete cascade,
    used_at    timestamptz
);
create index refresh_tokens_session_idx on refresh_tokens (session_id);
alter table refresh_tokens enable row level security;
alter table refresh_tokens force row level security;
create policy system_access on refresh_tokens to tod_system using (true) with check (true);
grant select, insert, update, delete on refresh_tokens to tod_system;

-- A known text sealed with the master key: a server with another key notices when it starts.
create table master_key_checks (
    id     integer primary key check (id = 1),
    sealed bytea not null
);
alter table master_key_checks enable row level security;
alter table master_key_checks force row level security;
create policy system_access on master_key_checks to tod_system using (true) with check (true);
grant select, insert on master_key_checks to tod_system;

-- Data keys of a tenant, wrapped by the master key. The newest seals; all open.
create table tenant_keys (
    tenant_id  uuid not null references tenants (id) on delete cascade,
    version    integer not null,
    wrapped    bytea not null,
    created_at timestamptz not null,
    primary key (tenant_id, version)
);
alter table tenant_keys enable row level security;
alter table tenant_keys force row level security;
create policy tenant_isolation on tenant_keys to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on tenant_keys to tod_system using (true) with check (true);
grant select on tenant_keys to tod_app;
grant select, insert, delete on tenant_keys to tod_system;

-- Numbers that count up in a tenant without gaps. The row lock makes the order of numbers the
-- order of commits, so that a reader who has seen 7 has seen everything below.
create table counters (
    tenant_id uuid not null references tenants (id) on delete cascade,
    name      text not null,
    value     bigint not null,
    primary key (tenant_id, name)
);
alter table counters enable row level security;
alter table counters force row level security;
create policy tenant_isolation on counters to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on counters to tod_system using (true) with check (true);
grant select, insert, update on counters to tod_app;
grant select, insert, update on counters to tod_system;

-- Who did what. Each row holds the hash of the one before it; nobody may change or remove rows.
-- Acts outside any tenant carry the nil identifier, and rows outlive their tenant: no foreign key.
create table audit_log (
    tenant_id uuid not null,
    seq       bigint not null,
    at        timestamptz not null,
    actor     text not null,
    act       text not null,
    target    text not null,
    detail    text not null,
    prev_hash bytea not null,
    hash      bytea not null,
    primary key (tenant_id, seq)
);
alter table audit_log enable row level security;
alter table audit_log force row level security;
create policy tenant_isolation on audit_log to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on audit_log to tod_system using (true) with check (true);
grant select, insert on audit_log to tod_app;
grant select, insert on audit_log to tod_system;

-- The newest row of each chain: its lock puts writers in line.
create table audit_heads (
    tenant_id uuid primary key,
    seq       bigint not null,
    hash      bytea not null
);
alter table audit_heads enable row level security;
alter table audit_heads force row level security;
create policy tenant_isolation on audit_heads to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on audit_heads to tod_system using (true) with check (true);
grant select, insert, update on audit_heads to tod_app;
grant select, insert, update on audit_heads to tod_system;
