-- Who invites somebody does not learn whether they have an account with another tenant.

-- An address is one person's on the whole server from enrolment on (`claimed`), and stays theirs
-- through a reset. Before that, any tenant may have invited it, each once.
alter table users
    add column claimed boolean not null default true,
    drop constraint users_email_key,
    add constraint users_tenant_email_key unique (tenant_id, email);
alter table users alter column claimed set default false;
create unique index users_claimed_key on users (email) where claimed;
