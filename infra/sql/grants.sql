-- The managed identities as users of the prediction store, each with the rights of its task. Run after each
-- `demand store upgrade`, by whoever is in the operators' group (infra/README.md):
--
--   demand store grants infra/sql/grants.sql api_name=... api_client_id=... ...
--
-- Users are made from client ids, so the server needs no right to read the directory.
set nocount on;

declare @users table (name sysname, client_id uniqueidentifier, role_name sysname);
insert into @users (name, client_id, role_name)
values
    (N'$(api_name)', '$(api_client_id)', N'db_datareader'),
    (N'$(api_name)', '$(api_client_id)', N'demand_overrides'),
    (N'$(gate_name)', '$(gate_client_id)', N'db_datareader'),
    (N'$(writer_name)', '$(writer_client_id)', N'demand_writer'),
    (N'$(trains_name)', '$(trains_client_id)', N'demand_writer');

-- Writes runs and reports: rows, and the tables of its own schema (migrations, dbt). No logins, no permissions.
if database_principal_id(N'demand_writer') is null
    create role demand_writer;
grant select, insert, update, delete, alter, references on schema::dbo to demand_writer;
grant create table, create view to demand_writer;
-- dbt-sqlserver looks up which views hang on a table before it drops one.
grant select on sys.sql_expression_dependencies to demand_writer;
grant view definition to demand_writer;

-- What planners write, by way of the API: their own tables, and a touch of the pointers that orders them with publishes.
if database_principal_id(N'demand_overrides') is null
    create role demand_overrides;
grant insert, update on dbo.overrides to demand_overrides;
grant insert, update, delete on dbo.override_effects to demand_overrides;
grant insert, update, delete on dbo.override_node_units to demand_overrides;
grant update on dbo.active_runs to demand_overrides;
-- Stock, supply, and decisions about orders, which are only ever added.
grant insert, delete on dbo.stock to demand_overrides;
grant insert, delete on dbo.stock_arrivals to demand_overrides;
grant insert, delete on dbo.supply to demand_overrides;
grant insert on dbo.order_decisions to demand_overrides;

declare @name sysname, @client_id uniqueidentifier, @role_name sysname, @statement nvarchar(max);
declare users cursor local fast_forward for select name, client_id, role_name from @users;
open users;
fetch next from users into @name, @client_id, @role_name;
while @@fetch_status = 0
begin
    if database_principal_id(@name) is null
    begin
        set @statement = N'create user ' + quotename(@name) + N' with sid = '
            + convert(nvarchar(64), cast(@client_id as varbinary(16)), 1) + N', type = E;';
        execute (@statement);
    end;
    set @statement = N'alter role ' + quotename(@role_name) + N' add member ' + quotename(@name) + N';';
    execute (@statement);
    fetch next from users into @name, @client_id, @role_name;
end;
close users;
deallocate users;
