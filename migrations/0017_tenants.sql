-- Tenants that are suspended, and how much they may have.
alter table tenants
    add column suspended_at timestamptz,
    add column max_devices  integer check (max_devices >= 0),
    add column max_users    integer check (max_users >= 0),
    add column max_api_keys integer check (max_api_keys >= 0);
