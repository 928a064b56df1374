{#- How a report's table is stored and refreshed, where the engine has a choice. A macro, since dbt refuses a setting in
    YAML that the target's engine does not know. -#}
{% macro refresh_in_place() -%}
    {{ return(adapter.dispatch('refresh_in_place', 'retail_demand')()) }}
{%- endmacro %}

{% macro default__refresh_in_place() -%}
    {{ return('') }}
{%- endmacro %}

{#- A rowstore, because reports are small and not every tier of Azure SQL has columnstores. A delete and an insert in one
    transaction refresh it, so that readers never miss the table. -#}
{% macro sqlserver__refresh_in_place() -%}
    {{ return(config(as_columnstore=false, table_refresh_method='dml')) }}
{%- endmacro %}
