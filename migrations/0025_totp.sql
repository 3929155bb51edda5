-- A second step of sign-in: a one-time code by the clock (RFC 6238), or one of ten that are kept on
-- paper. `totp_since` says whose sign-in has one; a tenant may ask it of all its people.
alter table users add column totp_since timestamptz;
alter table tenants add column totp_required boolean not null default false;

-- What the codes are made of, sealed, and the newest step that a code was taken of: no code is good
-- twice. It lies here before `users.totp_since` says that it is in use.
create table totp_secrets (
    user_id    uuid primary key references users (id) on delete cascade,
    sealed     bytea not null,
    last_step  bigint not null default 0,
    created_at timestamptz not null
);
alter table totp_secrets enable row level security;
alter table totp_secrets force row level security;
create policy system_access on totp_secrets to tod_system using (true) with check (true);
grant select, insert, update, delete on totp_secrets to tod_system;

-- Codes on paper, for when the authenticator is lost. Each is good once, and only hashes are kept.
create table recovery_codes (
    user_id   uuid not null references users (id) on delete cascade,
    code_hash bytea not null,
    primary key (user_id, code_hash)
);
alter table recovery_codes enable row level security;
alter table recovery_codes force row level security;
create policy system_access on recovery_codes to tod_system using (true) with check (true);
grant select, insert, delete on recovery_codes to tod_system;

-- Who has proved password and Secret Key, and still has to give a code.
create table second_steps (
    ticket_hash bytea primary key,
    user_id     uuid not null references users (id) on delete cascade,
    label       text not null,
    tries       integer not null default 0,
    expires_at  timestamptz not null
);
create index second_steps_expiry_idx on second_steps (expires_at);
alter table second_steps enable row level security;
alter table second_steps force row level security;
create policy system_access on second_steps to tod_system using (true) with check (true);
grant select, insert, update, delete on second_steps to tod_system;
