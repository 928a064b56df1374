-- The managed identities as users of the prediction store, each with the rights of its task. Run it once after the first
-- `terraform apply`, and again at will, as a member of the operators' group (infra/README.md):
--
--   sqlcmd -G -S <server> -d prediction_store -i infra/sql/grants.sql -v reader_name=... reader_client_id=... ...
--
-- Users are made from client ids, so the server needs no right to read the directory.
set nocount on;

declare @users table (name sysname, client_id uniqueidentifier, role_name sysname);
insert into @users (name, client_id, role_name)
values
    (N'$(reader_name)', '$(reader_client_id)', N'db_datareader'),
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
