{#- Schemas are named as the contract with Python names them, without a prefix of the target.
    The serving zone lives in the one schema of the prediction store. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if 'serving' in node.fqn and target.type == 'duckdb' -%}
        main
    {%- elif target.type == 'sqlserver' or custom_schema_name is none -%}
        {{ target.schema }}
    {%- else -%}
        {{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
