{#- Schemas have the names that Python reads (core, features, ...), after the target's environment prefix on Databricks:
    the target's schema, unless it is `default`. So developers with DATABRICKS_SCHEMA=<name> share a catalog.
    The serving zone has the one schema of the prediction store. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if 'serving' in node.fqn and target.type == 'duckdb' -%}
        main
    {%- elif target.type == 'sqlserver' or custom_schema_name is none -%}
        {{ target.schema }}
    {%- elif target.type == 'databricks' and target.schema != 'default' -%}
        {{ target.schema }}_{{ custom_schema_name | trim }}
    {%- else -%}
        {{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
