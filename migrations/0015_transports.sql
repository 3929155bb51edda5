-- The API without a certificate, and the API inside SSH.

alter table devices drop constraint devices_tls_check;
alter table devices add constraint devices_tls_check
    check (tls in ('auto', 'verified', 'pinned', 'plain', 'anonymous', 'ssh'));
