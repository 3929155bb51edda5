-- Roles belong to the cluster, not to the database. A superuser runs this once; every later run
-- finds them there. Each may sign in; none is a superuser or exempt from row security.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['tod_owner', 'tod_app', 'tod_system'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format(
                'create role %I login nosuperuser nobypassrls nocreatedb nocreaterole noinherit',
                wanted
            );
        end if;
    end loop;
end
$$;
