{#- An operation: load every raw table of the configured source from files in an external volume. See the YAML. -#}
{% macro load_raw_tables(path, method='replace', dry_run=false) -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- if method not in ('replace', 'append') -%}
        {{ exceptions.raise_compiler_error("The method of load_raw_tables is 'replace' or 'append', not '" ~ method ~ "'.") }}
    {%- endif -%}
    {%- for table in graph.sources.values() | selectattr('source_name', 'equalto', var('source')) | sort(attribute='name') -%}
        {%- set relation = api.Relation.create(database=table.database, schema=table.schema, identifier=table.identifier) -%}
        {%- for statement in raw_table_statements(relation, path.rstrip('/'), method) -%}
            {%- if dry_run -%}
                {%- do print(statement ~ ';\n') -%}
            {%- else -%}
                {%- do log('Loading ' ~ relation ~ ' from ' ~ path, info=true) -%}
                {%- do run_query(statement) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if loop.last -%}
            {%- set logging = ingest_log_statement(relation, path.rstrip('/')) -%}
            {%- do print(logging ~ ';\n') if dry_run else run_query(logging) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#- What `demand ingest` records of a local load: the folder, and a hash over the names and contents of its files. -#}
{% macro ingest_log_statement(relation, folder) -%}
create or replace table {{ api.Relation.create(database=relation.database, schema=relation.schema, identifier='ingest_log') }} as
select
    '{{ folder }}' as source_path,
    sha2(array_join(sort_array(collect_list(concat(split_part(path, '/', -1), ' ', sha2(content, 256)))), '\n'), 256)
        as fingerprint,
    '' as stores,
    current_timestamp() as loaded_at
from read_files('{{ folder }}', format => 'binaryFile', fileNamePattern => '*.csv')
{%- endmacro %}

{#- The statements that load one raw table from its files in a folder, in order. -#}
{% macro raw_table_statements(relation, folder, method) -%}
    {{ return(adapter.dispatch('raw_table_statements', 'retail_demand')(relation, folder, method)) }}
{%- endmacro %}

{% macro default__raw_table_statements(relation, folder, method) -%}
    {{ exceptions.raise_compiler_error('load_raw_tables reads an external volume of Databricks. Load a local warehouse by `demand ingest`.') }}
{%- endmacro %}

{% macro databricks__raw_table_statements(relation, folder, method) -%}
    {%- set statements = ['create schema if not exists ' ~ relation.without_identifier()] -%}
    {%- if method == 'replace' -%}
        {#- One transaction: readers see the old rows until the new ones are whole. -#}
        {%- set replace -%}
create or replace table {{ relation }} as
select * except (_rescued_data), current_timestamp() as loaded_at
from read_files('{{ folder }}/{{ relation.identifier }}.csv', format => 'csv', header => true, inferColumnTypes => true)
        {%- endset -%}
        {%- do statements.append(replace) -%}
    {%- else -%}
        {#- A table without columns takes those of the first file. A file that was loaded once is skipped. -#}
        {%- do statements.append('create table if not exists ' ~ relation) -%}
        {%- set append -%}
copy into {{ relation }}
from (select *, current_timestamp() as loaded_at from '{{ folder }}')
fileformat = csv
pattern = '{{ relation.identifier }}*.csv'
format_options ('header' = 'true', 'inferSchema' = 'true', 'mergeSchema' = 'true')
copy_options ('mergeSchema' = 'true')
        {%- endset -%}
        {%- do statements.append(append) -%}
    {%- endif -%}
    {{ return(statements) }}
{%- endmacro %}
