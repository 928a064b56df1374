{#- The types of contracts on SQL Server. YAML says string, double and timestamp, as DuckDB and Databricks do.
    The collation makes SQL Server compare text by code point, as the other engines do: keys that differ by case are two
    keys. The prediction store uses the same collation, because text of two collations cannot be joined. -#}
{% macro contract_types(columns, collation=none) -%}
    {%- set text = type_text() ~ (' collate ' ~ collation if collation else '') -%}
    {%- set types = {'string': text, 'double': type_double(), 'timestamp': type_timestamp_utc()} -%}
    {%- set typed = {} -%}
    {%- for name, column in columns.items() -%}
        {%- do typed.update({name: dict(column, data_type=types.get(column['data_type'], column['data_type']))}) -%}
    {%- endfor -%}
    {{ return(typed) }}
{%- endmacro %}

{#- What dbt compares a query with. -#}
{% macro sqlserver__get_empty_schema_sql(columns) -%}
    {{ return(dbt.default__get_empty_schema_sql(contract_types(columns))) }}
{%- endmacro %}

{#- The columns of a CREATE TABLE. -#}
{% macro sqlserver__build_columns_constraints(relation, only_not_null=False) -%}
    {%- set columns = contract_types(model['columns'], collation='Latin1_General_100_BIN2') -%}
    ({{ adapter.render_raw_columns_constraints(raw_columns=columns, only_not_null=only_not_null) | join(', ') }})
{%- endmacro %}
