{#- The serving zone is a database attached to DuckDB locally, and the target's own database elsewhere. -#}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {%- if custom_database_name is not none and target.type == 'duckdb' -%}
        {{ custom_database_name | trim }}
    {%- else -%}
        {{ target.database }}
    {%- endif -%}
{%- endmacro %}
