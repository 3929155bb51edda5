-- Failed sign-ins, counted for all servers together, and from where each account has signed in
-- lately. Keys are hashes: no address of anybody is kept. What a crash of the database loses is
-- counted anew.
create unlogged table sign_in_tries (
    key         bytea primary key,
    since       timestamptz not null,
    count       integer not null,
    known_until timestamptz
);
create index sign_in_tries_since_idx on sign_in_tries (since);
alter table sign_in_tries enable row level security;
alter table sign_in_tries force row level security;
create policy system_access on sign_in_tries to tod_system using (true) with check (true);
grant select, insert, update, delete on sign_in_tries to tod_system;
